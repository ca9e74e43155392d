//! What was measured as plots in SVG. They stand on a ground of their own, light in every theme.

use std::fmt::Write;

use crate::results::{IDLE, Results};
use crate::stacks::{DOCUMENTED, EMBASSY_NET, NAL, SMOLTCP_NAL, TASKS, TUNED, TYPED};
use crate::table::{grouped, of_one_unit};
use crate::work::{Case, Idle, Work};

const WIDTH: f64 = 720.0;
/// What text and axes are drawn in.
const INK: &str = "#24292f";
const FAINT: &str = "#57606a";
const GRID: &str = "#d8dee4";
/// Wide enough for each character of a label of this size.
const CHARACTER: f64 = 6.1;
const LABEL: f64 = 12.0;
/// Between labels that would lie on each other.
const LINE: f64 = 16.0;

/// Colours that are told apart by all eyes (Okabe and Ito's), and shapes for who sees none.
fn look(stack: &str) -> (&'static str, Shape) {
    match stack {
        TYPED => ("#0072b2", Shape::Circle),
        NAL => ("#56b4e9", Shape::Square),
        TASKS => ("#009e73", Shape::Up),
        TUNED => ("#24292f", Shape::Diamond),
        DOCUMENTED => ("#8c959f", Shape::Diamond),
        SMOLTCP_NAL => ("#e69f00", Shape::Square),
        EMBASSY_NET => ("#d55e00", Shape::Up),
        _ => ("#cc79a7", Shape::Circle),
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Circle,
    Square,
    Up,
    Diamond,
}

/// Where a value is on an axis.
#[derive(Clone, Copy)]
struct Scale {
    values: [f64; 2],
    places: [f64; 2],
    logarithmic: bool,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let ([from, to], [begin, end]) = (self.values, self.places);
        let part = if self.logarithmic {
            (value / from).ln() / (to / from).ln()
        } else {
            (value - from) / (to - from)
        };
        begin + part * (end - begin)
    }
}

/// What is drawn so far.
struct Drawing {
    svg: String,
}

impl Drawing {
    fn new(height: f64, title: &str, below: &str) -> Self {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"{LABEL}\">\n\
             <title>{title}</title>\n"
        );
        svg +=
            &format!("<rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#fbfcfd\"/>\n");
        let mut drawing = Drawing { svg };
        drawing.element(&format!(
            "<text x=\"20\" y=\"30\" fill=\"{INK}\" font-size=\"16\" font-weight=\"bold\">{title}</text>"
        ));
        drawing.text([20.0, 49.0], "start", FAINT, below);
        drawing
    }

    fn element(&mut self, element: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.svg, "{element}");
    }

    fn text(&mut self, [x, y]: [f64; 2], anchor: &str, colour: &str, text: &str) {
        self.element(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
        ));
    }

    fn path(&mut self, points: &[[f64; 2]], style: &str) {
        let points: Vec<_> = points.iter().map(|[x, y]| format!("{x:.1} {y:.1}")).collect();
        self.element(&format!("<path d=\"M{}\" fill=\"none\" {style}/>", points.join("L")));
    }

    /// Lines of the grid across a plot, and their labels left of it or below it.
    fn grid(&mut self, [x, y]: [Scale; 2], [columns, rows]: [&[f64]; 2], unit: &str) {
        let style = format!("stroke=\"{GRID}\"");
        for &value in columns {
            self.path(&[[x.at(value), y.places[0]], [x.at(value), y.places[1]]], &style);
            let below = y.places[0].max(y.places[1]) + 18.0;
            self.text([x.at(value), below], "middle", FAINT, &(shown(value) + unit));
        }
        for &value in rows {
            self.path(&[[x.places[0], y.at(value)], [x.places[1], y.at(value)]], &style);
            self.text([x.places[0] - 8.0, y.at(value) + 4.0], "end", FAINT, &shown(value));
        }
    }

    fn marker(&mut self, [x, y]: [f64; 2], (colour, shape): (&str, Shape)) {
        let style = format!("fill=\"{colour}\" stroke=\"#fbfcfd\"");
        self.element(&match shape {
            Shape::Circle => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" {style}/>"),
            Shape::Square => {
                let (x, y) = (x - 4.0, y - 4.0);
                format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"8\" height=\"8\" {style}/>")
            }
            Shape::Up => format!("<path d=\"M{x:.1} {:.1}l5 9h-10z\" {style}/>", y - 5.5),
            Shape::Diamond => format!("<path d=\"M{x:.1} {:.1}l5 5-5 5-5-5z\" {style}/>", y - 5.0),
        });
    }

    fn finish(mut self) -> String {
        self.svg += "</svg>\n";
        self.svg
    }
}

fn shown(value: f64) -> String {
    if value.fract() == 0.0 { grouped(value) } else { format!("{value}") }
}

/// Instructions of a round trip against the number of sockets.
pub fn sockets(results: &Results) -> String {
    let cost = |stack: &str, count: usize| {
        let idle = (count > 0).then_some((Idle::Connected, count));
        results.cost(stack, Case { work: Work::TcpRoundTrip, idle })
    };
    let counts = || [0].into_iter().chain(IDLE);
    let lines: Vec<(&str, &str, Vec<[f64; 2]>)> = results
        .stacks
        .iter()
        .map(|stack| {
            let point = |count| Some([count as f64 + 1.0, cost(&stack.name, count)?]);
            (&*stack.name, &*stack.title, counts().filter_map(point).collect())
        })
        .collect();
    let all = || lines.iter().flat_map(|(.., points)| points).map(|[_, cost]| *cost);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));

    let mut drawing = Drawing::new(
        430.0,
        "Instructions of a TCP round trip, by the number of connections",
        "One connection is busy, the others are idle. Both axes are logarithmic.",
    );
    let (columns, rows) = ([1.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0], powers(least, most));
    let x = Scale { values: [1.0, 4_096.0], places: [86.0, 496.0], logarithmic: true };
    let y = Scale {
        values: [least.min(rows[0]) * 0.8, most * 1.15],
        places: [378.0, 76.0],
        logarithmic: true,
    };
    drawing.grid([x, y], [&columns, &rows], "");
    let middle = (x.places[0] + x.places[1]) / 2.0;
    drawing.text([middle, 416.0], "middle", INK, "connections in all");

    let place = |[count, cost]: [f64; 2]| [x.at(count), y.at(cost)];
    // The first ones on top.
    for (name, _, points) in lines.iter().rev() {
        let places: Vec<_> = points.iter().copied().map(place).collect();
        drawing.path(&places, &format!("stroke=\"{}\" stroke-width=\"2\"", look(name).0));
        places.into_iter().for_each(|place| drawing.marker(place, look(name)));
    }
    // Names beside the ends of the lines.
    let ends: Vec<_> =
        lines.iter().filter_map(|(.., points)| Some(place(*points.last()?))).collect();
    let heights = apart(&ends.iter().map(|[_, y]| *y).collect::<Vec<_>>());
    let named = lines.iter().filter(|(.., points)| !points.is_empty());
    for (((name, title, _), [end, at]), height) in named.zip(&ends).zip(heights) {
        let (colour, _) = look(name);
        let style = format!("stroke=\"{colour}\" stroke-dasharray=\"1 2\"");
        drawing.path(&[[end + 7.0, *at], [x.places[1] + 26.0, height]], &style);
        drawing.text([x.places[1] + 30.0, height + 4.0], "start", INK, title);
    }
    drawing.finish()
}

/// Powers of ten, and one lower one if there would be fewer than two.
fn powers(least: f64, most: f64) -> Vec<f64> {
    let (first, last) = (least.log10().ceil() as i32, most.log10().floor() as i32);
    let first = if last - first < 1 { last - 1 } else { first };
    (first..=last).map(|power| 10_f64.powi(power)).collect()
}

/// The same heights, but so far from each other that labels have room.
fn apart(heights: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|one, other| heights[*one].total_cmp(&heights[*other]));
    // Groups of labels that touch: each where the mean of its labels would be.
    let mut groups: Vec<Vec<usize>> = vec![];
    let top = |group: &[usize]| {
        let sum: f64 = group.iter().map(|index| heights[*index]).sum();
        sum / group.len() as f64 - (group.len() - 1) as f64 * LINE / 2.0
    };
    for index in order {
        let mut group = vec![index];
        while let Some(above) = groups.last()
            && top(above) + above.len() as f64 * LINE > top(&group)
        {
            let mut above = groups.pop().unwrap_or_default();
            above.append(&mut group);
            group = above;
        }
        groups.push(group);
    }
    let mut placed = vec![0.0; heights.len()];
    for group in groups {
        for (line, index) in group.iter().enumerate() {
            placed[*index] = top(&group) + line as f64 * LINE;
        }
    }
    placed
}

/// The work that is drawn. Loss costs waiting, and hardly an instruction.
const DRAWN: [Work; 8] = [
    Work::TcpRoundTrip,
    Work::UdpRoundTrip,
    Work::Churn,
    Work::Send,
    Work::Receive,
    Work::LookUp,
    Work::Burst,
    Work::Parallel,
];

const BAR: f64 = 12.0;
const BETWEEN: f64 = 13.0;

/// Instructions of all work as ratios to bare smoltcp in the tuned style.
pub fn work(results: &Results) -> String {
    let others = || results.stacks.iter().filter(|stack| stack.name != TUNED);
    let groups = DRAWN.map(|work| {
        let bar = |stack: &str| results.ratio(stack, TUNED, work);
        let bars = others().filter_map(|stack| Some((&*stack.name, bar(&stack.name)?)));
        (work, bars.collect::<Vec<_>>())
    });
    let most =
        groups.iter().flat_map(|(_, bars)| bars).map(|(_, ratio)| *ratio).fold(1.0, f64::max);
    let names: Vec<_> = others().map(|stack| (&*stack.name, &*stack.title)).collect();
    let (legend, top) = legend(&names);

    let bars: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let end = top + bars as f64 * BAR + groups.len() as f64 * BETWEEN;
    let mut drawing = Drawing::new(
        end + 36.0,
        "Instructions for the same work, compared",
        &format!("How many times those of {}; shorter is better.", results.title(TUNED)),
    );
    for (place, (name, title)) in legend.into_iter().zip(&names) {
        let [x, y] = place;
        drawing.bar([x, y - 9.0], 14.0, 10.0, look(name).0);
        drawing.text([x + 20.0, y], "start", INK, title);
    }
    let x = Scale { values: [0.0, most], places: [206.0, 660.0], logarithmic: false };
    let y = Scale { values: [0.0, 1.0], places: [top, end], logarithmic: false };
    let step = if most > 3.0 { 1.0 } else { 0.5 };
    let columns: Vec<_> = (0..).map(|n| f64::from(n) * step).take_while(|n| *n <= most).collect();
    drawing.grid([x, y], [&columns, &[]], " ×");

    let mut at = top + BETWEEN / 2.0;
    for (work, bars) in &groups {
        let middle = at + bars.len() as f64 * BAR / 2.0;
        drawing.text([x.places[0] - 10.0, middle + 4.0], "end", INK, of_one_unit(*work));
        for (name, ratio) in bars {
            let begin = x.places[0];
            drawing.bar([begin, at], x.at(*ratio) - begin, BAR - 2.0, look(name).0);
            at += BAR;
        }
        at += BETWEEN;
    }
    let style = format!("stroke=\"{INK}\" stroke-width=\"1.2\" stroke-dasharray=\"4 3\"");
    drawing.path(&[[x.at(1.0), top], [x.at(1.0), end]], &style);
    // Last, as they are not to be crossed out.
    let mut at = top + BETWEEN / 2.0;
    for (_, bars) in &groups {
        for (_, ratio) in bars {
            drawing.number([x.at(*ratio) + 4.0, at + BAR - 3.0], &format!("{ratio:.2}"));
            at += BAR;
        }
        at += BETWEEN;
    }
    drawing.finish()
}

/// Where names stand in lines below the title, and where these end.
fn legend(names: &[(&str, &str)]) -> (Vec<[f64; 2]>, f64) {
    let (mut x, mut y) = (20.0, 74.0);
    let mut places = vec![];
    for (_, title) in names {
        let width = 20.0 + title.chars().count() as f64 * CHARACTER;
        if x + width > WIDTH - 20.0 {
            (x, y) = (20.0, y + 20.0);
        }
        places.push([x, y]);
        x += width + 22.0;
    }
    (places, y + 16.0)
}

impl Drawing {
    fn bar(&mut self, [x, y]: [f64; 2], width: f64, height: f64, colour: &str) {
        self.element(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1\" fill=\"{colour}\"/>"
        ));
    }

    /// A small number, readable on lines.
    fn number(&mut self, [x, y]: [f64; 2], number: &str) {
        self.element(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"10\" fill=\"{INK}\" stroke=\"#fbfcfd\" \
             stroke-width=\"2\" paint-order=\"stroke\">{number}</text>"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_from_end_to_end() {
        let scale = Scale { values: [1.0, 4_096.0], places: [100.0, 220.0], logarithmic: true };
        let places = [1.0, 2.0, 64.0, 4_096.0].map(|value| scale.at(value).round());
        assert_eq!(places, [100.0, 110.0, 160.0, 220.0]);
        // Upwards, as heights are from the top.
        let scale = Scale { values: [0.0, 4.0], places: [300.0, 100.0], logarithmic: false };
        assert_eq!([0.0, 1.0, 4.0].map(|value| scale.at(value)), [300.0, 250.0, 100.0]);
    }

    #[test]
    fn there_are_powers_of_ten_in_between() {
        assert_eq!(powers(3_000.0, 2_000_000.0), [1e4, 1e5, 1e6]);
        assert_eq!(powers(1_500.0, 9_000.0), [100.0, 1_000.0]);
    }

    #[test]
    fn labels_do_not_lie_on_each_other() {
        assert_eq!(apart(&[100.0, 10.0]), [100.0, 10.0]);
        assert_eq!(apart(&[50.0, 50.0, 200.0]), [42.0, 58.0, 200.0]);
        // What makes room for one must not push it onto the next one.
        let placed = apart(&[50.0, 52.0, 60.0, 74.0]);
        assert!(placed.windows(2).all(|pair| pair[1] - pair[0] >= LINE), "{placed:?}");
    }

    #[test]
    fn a_legend_stays_within_the_drawing() {
        let names = [("", "a name of thirty-odd characters"); 5];
        let (places, end) = legend(&names);
        assert!(places.iter().all(|[x, y]| *x < WIDTH - 200.0 && *y < end));
        assert_eq!(places[0][1], places[2][1]);
        assert!(places[4][1] > places[0][1]);
    }
}
