//! The paper's programme: every model and measurement that its text has, as one table of rows and a few studies.
//!
//! A [`Row`] is a preset with some keys replaced, so that `ircpm train` repeats it; [`train`] gives its [`Model`] and
//! what was measured of it. A [`Study`] measures something else of models that rows have left. [`Results`] collects
//! both, and [`markdown`] writes them down beside the published figures; [`figures`] draws Figures 1 to 3.

mod error;
mod figures;
mod minima;
mod model;
mod page;
mod programme;
mod results;
mod study;

pub use error::PaperError;
pub use figures::figures;
pub use model::{Measured, Model, Models, train};
pub use page::markdown;
pub use programme::{Goal, Row, Section, Shape, programme};
pub use results::{Outcome, Results, Run, Table};
pub use study::{STUDIES, Setting, Study};
