//! Makes a plan that breaks something shorter, as long as it still breaks the same.

use crate::checks::{Invariant, Violation};
use crate::net::Faults;
use crate::plan::Plan;
use crate::world::run;

/// How often a plan is run at most.
const RUNS: usize = 3_000;

/// A shorter plan that breaks the same, and how.
pub fn shrink(plan: &Plan, violation: &Violation) -> (Plan, Violation) {
    let best = (plan.clone(), violation.clone());
    let mut search = Search { best, invariant: violation.invariant, runs: 0 };
    loop {
        let before = search.best.0.clone();
        // Without what is left out, it may break later.
        search.try_change(|shorter| shorter.end = plan.end);
        search.leave_out(|plan| &mut plan.actions);
        search.leave_out(|plan| &mut plan.troubles);
        search.remove_nodes();
        search.calm_links();
        search.cut_time();
        if search.best.0 == before || search.runs >= RUNS {
            return search.best;
        }
    }
}

struct Search {
    best: (Plan, Violation),
    invariant: Invariant,
    runs: usize,
}

impl Search {
    /// Takes another plan if it breaks the same.
    fn try_plan(&mut self, plan: Plan) -> bool {
        if self.runs >= RUNS || plan == self.best.0 {
            return false;
        }
        self.runs += 1;
        let violation = run(&plan).violation.filter(|found| found.invariant == self.invariant);
        let breaks = violation.is_some();
        if let Some(violation) = violation {
            self.best = (plan, violation);
        }
        breaks
    }

    fn try_change(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut plan = self.best.0.clone();
        change(&mut plan);
        self.try_plan(plan)
    }

    /// Ends it when it breaks, or earlier.
    fn cut_time(&mut self) {
        let at = self.best.1.at;
        self.try_change(|plan| plan.end = plan.end.min(at + 1));
        while self.try_change(|plan| plan.end /= 2) {}
        self.try_change(|plan| {
            let end = plan.end;
            plan.actions.retain(|action| action.at < end);
            plan.troubles.retain(|trouble| trouble.at < end);
        });
    }

    /// Leaves out parts of a list, first large ones and then small ones.
    fn leave_out<T: Clone>(&mut self, list: impl Fn(&mut Plan) -> &mut Vec<T>) {
        let mut size = list(&mut self.best.0).len();
        while size > 0 {
            let mut from = 0;
            while from < list(&mut self.best.0).len() {
                let left_out = self.try_change(|plan| {
                    let list = list(plan);
                    let to = (from + size).min(list.len());
                    list.drain(from..to);
                });
                if !left_out {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// Leaves out nodes that do nothing and that nobody talks to, and numbers the others anew.
    fn remove_nodes(&mut self) {
        let mut node = self.best.0.nodes.len();
        while node > 1 {
            node -= 1;
            let plan = &self.best.0;
            let is_needed = plan.actions.iter().any(|action| action.node == node);
            if plan.nodes.len() > 2 && !is_needed {
                self.try_change(|plan| without_node(plan, node));
            }
        }
    }

    /// Leaves out each fault of each link.
    fn calm_links(&mut self) {
        let calm: [fn(&mut Faults); 7] = [
            |link| link.loss = 0,
            |link| link.duplication = 0,
            |link| link.reordering = 0,
            |link| link.corruption = 0,
            |link| link.jitter = 0,
            |link| (link.rate, link.queue) = (0, Faults::NONE.queue),
            |link| link.delay = Faults::NONE.delay,
        ];
        for node in 0..self.best.0.nodes.len() {
            for calm in calm {
                self.try_change(|plan| calm(&mut plan.nodes[node].link));
            }
        }
    }
}

fn without_node(plan: &mut Plan, node: usize) {
    use crate::plan::What;
    let renamed = |other: usize| if other > node { other - 1 } else { other };
    plan.nodes.remove(node);
    plan.actions.retain(|action| action.act.peer() != Some(node));
    for action in &mut plan.actions {
        action.node = renamed(action.node);
        if let Some(peer) = action.act.peer() {
            action.act.set_peer(renamed(peer));
        }
    }
    plan.troubles.retain_mut(|trouble| match &mut trouble.what {
        What::Partition { nodes, .. } => {
            let (below, above) = (*nodes & ((1 << node) - 1), (*nodes >> node >> 1) << node);
            *nodes = below | above;
            true
        }
        What::Flap { node: of, .. }
        | What::Jump { node: of, .. }
        | What::Stop { node: of, .. }
        | What::Address { node: of, .. } => {
            let stays = *of != node;
            *of = renamed(*of);
            stays
        }
    });
}
