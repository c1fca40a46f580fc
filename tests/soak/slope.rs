//! The growth of a measurement.

/// Returns the growth of the second number of the points with the first: the slope of the line that
/// is nearest to all of them.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = f64::from(u32::try_from(points.len()).unwrap());
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let products = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>();
    let squares = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum::<f64>();
    products / squares
}

#[test]
fn the_slope_of_a_line_is_found() {
    let points: Vec<_> = (0..10).map(|n| (f64::from(n), 5.0 + 3.0 * f64::from(n))).collect();
    assert!((slope(&points) - 3.0).abs() < 1e-9);
    let with_noise: Vec<_> =
        (0..1000).map(|n| (f64::from(n), 2.0 * f64::from(n) + f64::from(n % 2))).collect();
    assert!((slope(&with_noise) - 2.0).abs() < 0.01);
}
