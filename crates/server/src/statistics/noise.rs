//! Noise from the discrete Laplace distribution, sampled exactly: no floating point, whose gaps have
//! given secrets away (Mironov 2012). After Canonne, Kamath and Steinke 2020 (arXiv 2004.00010).

use prio::dp::{
    DifferentialPrivacyStrategy, DpError, PureDpBudget, Rational,
    distributions::{DiscreteLaplace, PureDpDiscreteLaplace},
};
use rand_noise::distr::Distribution;

/// A count with noise: pure differential privacy of `epsilon_milli` thousandths for counts that one
/// person changes by `sensitivity` at most.
///
/// # Errors
/// In words, for parameters of which no noise can be made.
pub(super) fn noised(count: u64, sensitivity: u32, epsilon_milli: u32) -> Result<i64, String> {
    let distribution = laplace(sensitivity, epsilon_milli).map_err(|error| error.to_string())?;
    let noise = distribution.sample(&mut rand_noise::rng());
    let count = i64::try_from(count).map_err(|error| error.to_string())?;
    // Noise that does not fit is rarer than any hardware fault; saturating is part of the output.
    let noise = i64::try_from(noise).unwrap_or(i64::MAX / 2);
    Ok(count.saturating_add(noise))
}

fn laplace(sensitivity: u32, epsilon_milli: u32) -> Result<DiscreteLaplace, DpError> {
    let budget = PureDpBudget::new(Rational::from_unsigned(epsilon_milli, 1_000_u32)?)?;
    PureDpDiscreteLaplace::from_budget(budget)
        .create_distribution(Rational::from_unsigned(sensitivity, 1_u32)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 20_000;

    #[test]
    fn noise_has_no_bias_and_the_spread_that_it_should() {
        let all: Vec<f64> = (0..DRAWS)
            .map(|_| noised(1_000, 2, 100).unwrap() as f64 - 1_000.0)
            .collect();
        let mean = all.iter().sum::<f64>() / DRAWS as f64;
        let spread = (all.iter().map(|x| x * x).sum::<f64>() / DRAWS as f64).sqrt();
        // The standard deviation for a scale of 20 is 28.3.
        assert!(mean.abs() < 1.0, "{mean}");
        assert!((27.0..30.0).contains(&spread), "{spread}");
    }

    #[test]
    fn parameters_of_which_no_noise_can_be_made_are_refused() {
        assert!(noised(1, 2, 0).is_err());
        assert!(noised(1, 0, 100).is_err());
    }
}
