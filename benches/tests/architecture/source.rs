//! The modules of a crate, and which of them a module imports from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::paths::{ModulePath, NamedPath, paths};

/// All modules of a crate, without its tests.
#[derive(Default)]
pub(crate) struct Crate {
    /// Modules that have a file of their own; that of the crate itself has no words.
    pub(crate) files: BTreeSet<ModulePath>,
    /// Modules whose file lies in a folder of their own.
    pub(crate) folders: BTreeSet<ModulePath>,
    /// All modules, those inside of a file among them.
    modules: BTreeSet<ModulePath>,
    /// What a name stands for in a module that has a `use` for it.
    names: BTreeMap<(ModulePath, String), ModulePath>,
    /// What the code names.
    paths: Vec<NamedPath>,
}

impl Crate {
    /// Reads the files below the folder `src` of a crate.
    pub(crate) fn read(src: &Path) -> Self {
        let mut all = Self::default();
        all.add_folder(src, &[]);
        all
    }

    fn add_folder(&mut self, folder: &Path, module: &[String]) {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name in Unicode");
            let inner = [module, &[stem.to_owned()]].concat();
            if path.is_dir() {
                self.folders.insert(inner.clone());
                self.add_folder(&path, &inner);
            } else if stem != "tests" && inner != ["main"] {
                let owner = if stem == "mod" || inner == ["lib"] { module } else { &inner };
                self.add_file(owner, &fs::read_to_string(&path).expect("a readable file"));
            }
        }
    }

    /// Adds the file of `module`.
    pub(crate) fn add_file(&mut self, module: &[String], text: &str) {
        let (paths, modules) = paths(module, text);
        self.files.insert(module.to_vec());
        self.modules.extend(modules);
        for NamedPath { module, path, name, .. } in &paths {
            if let Some(name) = name {
                self.names.insert((module.clone(), name.clone()), path.clone());
            }
        }
        self.paths.extend(paths);
    }

    /// Pairs of a module and one that it imports from, which is the module that declares what is imported.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&[String], ModulePath)> {
        let importing = self.paths.iter().filter(|path| !path.is_shown_only && !path.module.is_empty());
        importing.map(|path| (&path.module[..], self.declaring_module(path.path.clone())))
    }

    /// The module in which the last word of `path` is declared; follows `use` items that show it elsewhere.
    ///
    /// The path of something from another crate stays in the module that names it.
    fn declaring_module(&self, mut path: ModulePath) -> ModulePath {
        for _ in 0..=self.modules.len() {
            let depth = (1..=path.len()).take_while(|k| self.modules.contains(&path[..*k])).count();
            let (module, rest) = path.split_at(depth);
            let target = rest.first().and_then(|name| self.names.get(&(module.to_vec(), name.clone())));
            match target {
                Some(target) if target[..] != path[..=depth] => path = [target, &rest[1..]].concat(),
                _ => return module.to_vec(),
            }
        }
        panic!("the name {} is imported in a circle", path.join("::"));
    }
}
