//! Configurations that come with the program.
//!
//! A new preset is one TOML file, whose first line is a comment that says what it is, and one line in [`PRESETS`].

use crate::config::{Config, ConfigError, Override};

/// A named configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Name on the command line.
    pub name: &'static str,
    /// The configuration, as TOML.
    pub text: &'static str,
}

/// All presets.
pub const PRESETS: [Preset; 9] = [
    Preset { name: "torus-unimodal", text: include_str!("../../presets/torus-unimodal.toml") },
    Preset { name: "torus-multi-modal", text: include_str!("../../presets/torus-multi-modal.toml") },
    Preset { name: "torus-correlated", text: include_str!("../../presets/torus-correlated.toml") },
    Preset { name: "sphere-four-mode", text: include_str!("../../presets/sphere-four-mode.toml") },
    Preset {
        name: "sphere-four-mode-stack",
        text: include_str!("../../presets/sphere-four-mode-stack.toml"),
    },
    Preset { name: "s3-four-mode", text: include_str!("../../presets/s3-four-mode.toml") },
    Preset { name: "chain-4", text: include_str!("../../presets/chain-4.toml") },
    Preset { name: "chain-8", text: include_str!("../../presets/chain-8.toml") },
    Preset { name: "sphere-four-mode-adam", text: include_str!("../../presets/sphere-four-mode-adam.toml") },
];

/// The preset of that name, `None` if there is none.
pub fn by_name(name: &str) -> Option<Preset> {
    PRESETS.into_iter().find(|preset| preset.name == name)
}

impl Preset {
    /// What it is, in one line.
    pub fn description(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if an override is wrong.
    pub fn config(&self, overrides: &[Override]) -> Result<Config, ConfigError> {
        Config::parse_with(self.text, &format!("preset {}", self.name), overrides)
    }
}
