//! Names of coordinates in tables that are written, by which they are read again.

use ircpm_manifolds::AnyManifold;

use super::select::{Role, roles};

/// Names of the coordinates of a point: `theta1`, `theta2`, … for angles, `c1`, `c2`, … for conditioning variables and
/// `x1`, `x2`, … for all others, each counted over the whole manifold.
pub fn coordinate_names(manifold: &AnyManifold) -> Vec<String> {
    usual_names(manifold, false)
}

/// As [`coordinate_names`]; with `lat_lon` the columns of each S² are `lat` and `lon`, which are counted if there are
/// several spheres.
pub(super) fn usual_names(manifold: &AnyManifold, lat_lon: bool) -> Vec<String> {
    let roles = roles(manifold, lat_lon);
    let is_counted = roles.iter().filter(|role| **role == Role::Latitude).count() > 1;
    let (mut angles, mut others, mut globes) = (0, 0, 0);
    let first = roles.len() - manifold.contexts();
    let of = |(place, role)| {
        if place >= first {
            return format!("c{}", place - first + 1);
        }
        let (letters, count) = match role {
            Role::Angle => ("theta", &mut angles),
            Role::Plain => ("x", &mut others),
            Role::Latitude => ("lat", &mut globes),
            // It goes with its latitude.
            Role::Longitude if is_counted => return format!("lon{globes}"),
            Role::Longitude => return "lon".to_owned(),
        };
        *count += 1;
        if role == Role::Latitude && !is_counted { letters.to_owned() } else { format!("{letters}{count}") }
    };
    roles.into_iter().enumerate().map(of).collect()
}

/// Whether a name is a usual one of an angle in radians.
pub(super) fn is_usual_angle(name: &str) -> bool {
    name.strip_prefix("theta").is_some_and(|number| number.parse::<usize>().is_ok())
}
