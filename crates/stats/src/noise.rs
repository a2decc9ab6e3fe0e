//! Noise from the discrete Laplace distribution, sampled exactly: no floating point, whose gaps have
//! given secrets away (Mironov 2012). After Canonne, Kamath and Steinke 2020 (arXiv 2004.00010).

use prio::dp::{
    DifferentialPrivacyStrategy, DpError, PureDpBudget, Rational,
    distributions::{DiscreteLaplace, PureDpDiscreteLaplace},
};
use rand::distr::Distribution;

/// A count with noise: pure differential privacy of `epsilon_milli` thousandths for counts that one
/// person changes by `sensitivity` at most.
///
/// # Errors
/// In words, for parameters of which no noise can be made.
pub(crate) fn noised(count: u64, sensitivity: u32, epsilon_milli: u32) -> Result<i64, String> {
    let distribution = laplace(sensitivity, epsilon_milli).map_err(|error| error.to_string())?;
    let noise = distribution.sample(&mut rand::rng());
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
    /// One person moves from one group to another.
    const HERE: [u64; 2] = [60, 60];
    const THERE: [u64; 2] = [61, 59];

    /// What the two groups differ by, drawn many times, in order.
    fn drawn(counts: [u64; 2], sensitivity: u32, epsilon_milli: u32) -> Vec<i64> {
        let draw = |count| noised(count, sensitivity, epsilon_milli).unwrap();
        let mut all: Vec<i64> = (0..DRAWS)
            .map(|_| draw(counts[0]) - draw(counts[1]))
            .collect();
        all.sort_unstable();
        all
    }

    /// The largest of `P(difference >= t)` with one database over that with its neighbour, less what chance
    /// does to so many draws (four standard deviations on either side).
    fn worst_ratio(sensitivity: u32, epsilon_milli: u32) -> f64 {
        let here = drawn(HERE, sensitivity, epsilon_milli);
        let there = drawn(THERE, sensitivity, epsilon_milli);
        let tail = |all: &[i64], from: i64| {
            (all.len() - all.partition_point(|one| *one < from)) as f64 / DRAWS as f64
        };
        let spread = |p: f64| 4.0 * (p * (1.0 - p) / DRAWS as f64).sqrt();
        (-40..=40)
            .map(|from| {
                let (p, q) = (tail(&there, from), tail(&here, from));
                (p - spread(p)) / (q + spread(q))
            })
            .fold(0.0, f64::max)
    }

    /// Whoever sees the numbers cannot tell two neighbouring databases apart by more than epsilon allows.
    #[test]
    fn neighbours_are_indistinguishable_within_epsilon() {
        let worst = worst_ratio(2, 1_000);
        assert!(worst <= 1.0_f64.exp(), "{worst}");
    }

    /// The test above can fail: noise for a quarter of the change is found out.
    #[test]
    fn too_little_noise_would_be_found() {
        let worst = worst_ratio(1, 2_000);
        assert!(worst > 1.0_f64.exp(), "{worst}");
    }

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
