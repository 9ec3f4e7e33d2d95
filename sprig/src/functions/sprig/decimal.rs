//! Decimal numbers of any length.

use num_bigint::{BigInt, Sign};

/// `digits × 10^exponent`
#[derive(Clone)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i32,
}

/// The number of decimals of a quotient.
const QUOTIENT_DECIMALS: i32 = 16;

impl Decimal {
    /// The shortest decimal that reads as this float. `None` if the float is not finite.
    pub(super) fn new(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
        Some(Self { digits, exponent })
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.digits_at(exponent) + other.digits_at(exponent), exponent }
    }

    /// The length of the digits.
    pub(super) fn bits(&self) -> u64 {
        self.digits.bits()
    }

    pub(super) fn negate(&self) -> Self {
        Self { digits: -&self.digits, exponent: self.exponent }
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        let digits = &self.digits * &other.digits;
        Self { digits, exponent: self.exponent + other.exponent }
    }

    /// The quotient, rounded to 16 decimals, halves away from zero. `None` if `other` is zero.
    pub(super) fn divide(&self, other: &Self) -> Option<Self> {
        if other.digits == BigInt::ZERO {
            return None;
        }
        // One additional bit decides the rounding.
        let shift = self.exponent - other.exponent + QUOTIENT_DECIMALS;
        let (mut dividend, mut divisor) = (self.digits.clone(), other.digits.clone());
        let factor = BigInt::from(10).pow(shift.unsigned_abs());
        if shift < 0 {
            divisor *= factor;
        } else {
            dividend *= factor;
        }
        let negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
        let (dividend, divisor) = (dividend.magnitude(), divisor.magnitude());
        let digits = BigInt::from((dividend * 2_u8 + divisor) / (divisor * 2_u8));
        Some(Self { digits: if negative { -digits } else { digits }, exponent: -QUOTIENT_DECIMALS })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    fn digits_at(&self, exponent: i32) -> BigInt {
        &self.digits * BigInt::from(10).pow((self.exponent - exponent).unsigned_abs())
    }
}
