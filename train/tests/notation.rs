//! Points are written as the table had them that a run was fitted to, and read again without options.

use ircpm_manifolds::AnyManifold;
use ircpm_train::data::{DataError, Notation, Options, Unit, decode};

fn manifold(name: &str) -> AnyManifold {
    name.parse().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The points of a table, and its notation.
fn read(text: &str, on: &str, options: &Options) -> (Vec<f64>, Notation) {
    let read = decode(text.as_bytes(), "x.csv".as_ref(), &manifold(on), options);
    let read = read.unwrap_or_else(|e| panic!("{text}: {e}"));
    (read.points, read.notation)
}

/// Points as the program writes them to CSV, with a column of another quantity.
fn written(notation: &Notation, on: &str, points: &[f64]) -> String {
    let on = manifold(on);
    let names = notation.column_names(&on);
    let mut text = names.join(",") + ",log_q\n";
    for row in notation.rows(&on, points).chunks(names.len()) {
        row.iter().for_each(|x| text.push_str(&format!("{x:?},")));
        text.push_str("-1.5\n");
    }
    text
}

#[test]
fn tables_are_written_as_they_were_read_and_read_again_without_options() {
    let deg = Options { unit: Some(Unit::Degrees), ..Options::default() };
    let hours = Options { unit: Some(Unit::Hours), ..Options::default() };
    let turns = Options { unit: Some(Unit::Turns), ..Options::default() };
    let globe = Options { lat_lon: true, ..Options::default() };
    let none = Options::default();
    for (text, on, options, header) in [
        ("phi,psi\n-60,130\n-120,-45\n", "T2", &deg, "phi,psi"),
        // Nothing in these numbers says degrees.
        ("phi,psi\n1,3\n2,4\n", "T2", &deg, "phi,psi"),
        ("phi [deg],psi [deg]\n60,130\n1,2\n", "T2", &deg, "phi [deg],psi [deg]"),
        ("60,130\n1,2.5\n", "T2", &deg, "theta1 [deg],theta2 [deg]"),
        ("theta1,theta2\n60,130\n1,2\n", "T2", &deg, "theta1 [deg],theta2 [deg]"),
        ("phi [deg],psi [deg]\n0.5,1.3\n1,2\n", "T2", &none_of_unit(Unit::Radians), "phi [rad],psi [rad]"),
        ("phi,psi\n-1.25,1.3\n3.125,-3\n", "T2", &none, "phi,psi"),
        ("h,dec\n23.5,1\n0.5,2\n", "T1xR1", &hours, "h,dec"),
        ("a,b\n0.25,0.5\n0.875,0\n", "T2", &turns, "a,b"),
        ("time,latitude,longitude\n2001,-3.5,101.5\n2002,50,-70\n", "S2", &globe, "latitude,longitude"),
        ("lat,lon\n-3.5,101.5\n-50,290\n", "S2", &globe, "lat,lon"),
        ("45,90\n-10.5,170\n", "S2", &globe, "lat,lon"),
        ("h,lat,lon\n6,0,90\n12,90,0\n", "T1xS2", &Options { lat_lon: true, ..hours.clone() }, "h,lat,lon"),
        ("x,y,z\n0,0.6,0.8\n1,0,0\n", "S2", &none, "x,y,z"),
    ] {
        let (points, notation) = read(text, on, options);
        let again = written(&notation, on, &points);
        assert_eq!(again.lines().next(), Some(format!("{header},log_q").as_str()), "{text}");
        let numbers = |text: &str, skip: usize| -> Vec<f64> {
            let fields = text.lines().filter(|line| !line.starts_with(char::is_alphabetic));
            let fields = fields.flat_map(|line| line.split(',').skip(skip).take(header.split(',').count()));
            fields.map(|field| field.parse().expect("a number")).collect()
        };
        let skip = usize::from(text.starts_with("time"));
        for (given, back) in numbers(text, skip).iter().zip(numbers(&again, 0)) {
            assert!((given - back).abs() <= 1e-13 * given.abs().max(1.0), "{text}: {given}, {back}");
        }
        let of_run = Options { notation: Some(notation.clone()), ..Options::default() };
        let (same, its) = read(&again, on, &of_run);
        let exact = notation.unit == Unit::Radians && !notation.lat_lon;
        for (x, y) in points.iter().zip(&same) {
            assert!(if exact { x == y } else { (x - y).abs() < 1e-14 }, "{text}: {x}, {y}");
        }
        assert_eq!((its.unit, its.lat_lon), (notation.unit, notation.lat_lon), "{text}");
    }
}

fn none_of_unit(unit: Unit) -> Options {
    Options { unit: Some(unit), ..Options::default() }
}

#[test]
fn other_units_are_named_in_the_header_and_read_again() {
    let deg = Options { unit: Some(Unit::Degrees), ..Options::default() };
    let (points, notation) = read("Phi,psi\n-60,130\n-120,-45\n", "T2", &deg);
    for (unit, header) in [
        (Unit::Radians, "phi [rad],psi [rad],log_q"),
        (Unit::Hours, "phi [hours],psi [hours],log_q"),
        (Unit::Degrees, "Phi,psi,log_q"),
    ] {
        let other = notation.clone().with(&manifold("T2"), Some(unit), None).expect("angles");
        let text = written(&other, "T2", &points);
        assert_eq!(text.lines().next(), Some(header));
        let of_run = Options { notation: Some(notation.clone()), ..Options::default() };
        let (same, _) = read(&text, "T2", &of_run);
        assert!(points.iter().zip(&same).all(|(x, y)| (x - y).abs() < 1e-14), "{text}");
    }
    let vectors = Notation { lat_lon: true, ..Notation::default() }.with(&manifold("S2"), None, Some(false));
    assert_eq!(vectors.expect("a sphere"), Notation::default());
    let no_angles = Notation::default().with(&manifold("S2"), Some(Unit::Degrees), None);
    assert!(matches!(no_angles, Err(DataError::NoAngles { .. })));
    let no_sphere = Notation::default().with(&manifold("T2"), None, Some(true));
    assert!(matches!(no_sphere, Err(DataError::NoSphere { .. })));
}

#[test]
fn points_of_a_run_in_degrees_are_not_taken_for_radians_nor_the_other_way() {
    let on = manifold("T2");
    let notation =
        Notation { unit: Unit::Degrees, columns: vec!["phi".into(), "psi".into()], ..Notation::default() };
    let of_run = Options { notation: Some(notation), ..Options::default() };
    let read = |text: &str| decode(text.as_bytes(), "x.csv".as_ref(), &on, &of_run).map(|read| read.points);
    let near = |points: Vec<f64>, degrees: f64| (points[0].to_degrees() - degrees).abs() < 1e-12;
    assert!(near(read("40.5,50\n1,2\n").expect("degrees"), 40.5));
    // The usual names stand for radians whatever the run was fitted to.
    assert!(near(read("theta1,theta2\n0.5,1\n1,2\n").expect("radians"), 0.5_f64.to_degrees()));
    assert!(matches!(read("theta1,theta2\n40,1\n1,2\n"), Err(DataError::Angle { .. })));
    let unclear = read("0.5,1.5\n1,2\n").expect_err("either unit").to_string();
    assert!(unclear.contains("are in degrees") && unclear.contains("--unit deg or --unit rad"), "{unclear}");
    let turns = Options {
        notation: Some(Notation { unit: Unit::Turns, ..Notation::default() }),
        ..Options::default()
    };
    assert!(decode(b"0.5,0.25\n1.0,0\n", "x.csv".as_ref(), &on, &turns).is_ok());
    assert!(matches!(
        decode(b"0.5,0.25\n3.0,0\n", "x.csv".as_ref(), &on, &turns),
        Err(DataError::RunUnit { .. })
    ));
}

#[test]
fn unit_vectors_of_a_run_of_latitudes_are_known_by_their_length() {
    let options =
        Options { notation: Some(Notation { lat_lon: true, ..Notation::default() }), ..Options::default() };
    let read = |text: &str| {
        decode(text.as_bytes(), "x.csv".as_ref(), &manifold("S2"), &options).map(|read| read.points)
    };
    assert_eq!(read("0,0.6,0.8\n1,0,0\n").expect("unit vectors"), [0.0, 0.6, 0.8, 1.0, 0.0, 0.0]);
    assert_eq!(read("x1,x2,x3\n0,0.6,0.8\n1,0,0\n").expect("unit vectors")[..3], [0.0, 0.6, 0.8]);
    assert!(matches!(read("45,90,-2.5\n1,0,0\n"), Err(DataError::Columns { .. })));
}

#[test]
fn description_says_units_and_ranges() {
    let deg = Notation { unit: Unit::Degrees, signed: true, lat_lon: true, columns: vec![] };
    for (notation, on, words) in [
        (Notation::default(), "T2", Some("angles in radians from 0 to 2π")),
        (Notation { signed: true, ..Notation::default() }, "T1xR1", Some("angles in radians from -π to π")),
        (deg.clone(), "T2", Some("angles in degrees from -180 to 180")),
        (deg, "S2", Some("latitudes and longitudes in degrees, these from -180 to 180")),
        (Notation::default(), "S3", Some("directions as unit vectors")),
        (Notation::default(), "R2", None),
    ] {
        assert_eq!(notation.description(&manifold(on)).as_deref(), words, "{on}");
    }
}
