//! Floating-point formats: the constants that elementary functions and a solver need.

/// The constants that depend on a binary floating-point format.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Precision {
    /// The distance from 1 to the next larger number.
    pub epsilon: f64,
    /// `1.5·2^p`: adding and subtracting it rounds to the nearest integer.
    pub round: f64,
    /// [`Precision::round`] plus the exponent's bias: adding it leaves an integer, biased as an exponent, in the low
    /// bits.
    pub round_biased: f64,
    /// The largest finite number.
    pub largest: f64,
    /// The arguments between which `eˣ` is a normal number.
    pub exp_range: [f64; 2],
    /// ln 2 in two parts, the first with trailing zeros so that small multiples of it are exact.
    pub ln_2: [f64; 2],
    /// π/2 in three parts, the first two with trailing zeros.
    pub pi_2: [f64; 3],
}

impl Precision {
    /// Double precision, 53 bits.
    pub const DOUBLE: Self = Self {
        epsilon: f64::EPSILON,
        round: 6_755_399_441_055_744.0,
        round_biased: 6_755_399_441_055_744.0 + 1023.0,
        largest: f64::MAX,
        exp_range: [-708.0, 709.0],
        ln_2: [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10],
        pi_2: [1.570_796_326_734_125_6, 6.077_100_506_303_966e-11, 2.022_266_248_711_166_5e-21],
    };

    /// That of the ends of intervals, without the numbers by which formulas round: with these, a result would enclose
    /// the number before it was rounded.
    pub(crate) const INTERVAL: Self = Self { round: f64::NAN, round_biased: f64::NAN, ..Self::DOUBLE };

    /// Single precision, 24 bits; the parts of constants are those of the Cephes library.
    pub const SINGLE: Self = Self {
        epsilon: f32::EPSILON as f64,
        round: 12_582_912.0,
        round_biased: 12_582_912.0 + 127.0,
        largest: f32::MAX as f64,
        exp_range: [-87.0, 88.0],
        ln_2: [0.693_359_375, -2.121_944_4e-4],
        pi_2: [1.570_312_5, 4.837_512_969_970_703e-4, 7.549_789_954_891_89e-8],
    };
}

/// The number in a lane: a double, or a single.
pub(crate) trait Lane: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// The format of the number.
    const PRECISION: Precision;

    /// Rounds to the nearest number of the format.
    fn narrow(x: f64) -> Self;

    /// Converts to a double, without rounding.
    fn widen(self) -> f64;
}

impl Lane for f64 {
    const PRECISION: Precision = Precision::DOUBLE;

    #[inline(always)]
    fn narrow(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

impl Lane for f32 {
    const PRECISION: Precision = Precision::SINGLE;

    #[inline(always)]
    fn narrow(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}
