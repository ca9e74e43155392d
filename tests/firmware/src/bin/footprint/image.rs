//! What an image is made of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use object::{Object, ObjectSection};

/// An image, as the linker made it.
pub struct Image {
    sections: Vec<Section>,
}

struct Section {
    name: String,
    address: u64,
    size: u64,
    data: Vec<u8>,
}

/// What comes into flash, and what takes RAM from the start.
const FLASH: [&str; 4] = [".vector_table", ".text", ".rodata", ".data"];
const RAM: [&str; 3] = [".data", ".bss", ".uninit"];

impl Image {
    pub fn read(path: &Path) -> Self {
        let data = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = object::File::parse(&*data).expect("an image");
        let section = |section: object::Section| Section {
            name: section.name().expect("a name").to_owned(),
            address: section.address(),
            size: section.size(),
            data: section.data().expect("its data").to_owned(),
        };
        Image { sections: file.sections().map(section).collect() }
    }

    pub fn flash(&self) -> i64 {
        self.size(&FLASH)
    }

    pub fn static_ram(&self) -> i64 {
        self.size(&RAM)
    }

    /// The compiler, as it has signed the image.
    pub fn compiler(&self) -> String {
        let comment = String::from_utf8_lossy(self.data(".comment")).into_owned();
        let signed = comment.split('\0').find_map(|by| by.strip_prefix("rustc version "));
        let version = signed.and_then(|version| version.split_whitespace().next());
        format!("rustc {}", version.expect("rustc among those who made the image"))
    }

    /// Where in files of a directory the image may panic.
    ///
    /// Whatever may panic hands over a `Location`: the address and the length of the file's name,
    /// line and column. It is in the image if the panic handler prints it.
    pub fn panics(&self, directory: &Path) -> Vec<String> {
        let constants = self.section(".rodata").expect("constants");
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        let words: Vec<_> = constants.data.chunks_exact(4).map(word).collect();
        let location = |words: &[u32]| {
            let begin = u64::from(words[0]).checked_sub(constants.address)? as usize;
            let name = constants.data.get(begin..)?.get(..words[1] as usize)?;
            let name = str::from_utf8(name).ok()?.trim_end_matches('\0');
            let is_file = name.ends_with(".rs") && Path::new(name).starts_with(directory);
            is_file.then(|| format!("{name}:{}:{}", words[2], words[3]))
        };
        words.windows(4).filter_map(location).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn size(&self, names: &[&str]) -> i64 {
        let named = |section: &&Section| names.contains(&section.name.as_str());
        self.sections.iter().filter(named).map(|section| section.size as i64).sum()
    }

    fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    fn data(&self, name: &str) -> &[u8] {
        self.section(name).map_or(&[], |section| &section.data)
    }
}
