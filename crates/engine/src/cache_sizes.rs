//! How large the caches of this processor are. Blocking follows them; no result does.

use std::sync::OnceLock;

/// What is taken where the system does not tell.
const USUAL_LEVEL_2: usize = 1 << 20;

/// Bytes of the cache that one core has for itself next to its smallest.
pub fn level_2() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| read_level_2().unwrap_or(USUAL_LEVEL_2).clamp(256 << 10, 4 << 20))
}

#[cfg(target_os = "linux")]
fn read_level_2() -> Option<usize> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index2/size").ok()?;
    parse(text.trim())
}

#[cfg(not(target_os = "linux"))]
fn read_level_2() -> Option<usize> {
    None
}

/// `1024K` or `2M`.
#[cfg(any(target_os = "linux", test))]
fn parse(text: &str) -> Option<usize> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: usize = number.parse().ok()?;
    match unit {
        "" => Some(number),
        "K" => number.checked_mul(1 << 10),
        "M" => number.checked_mul(1 << 20),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_system_writes_them() {
        assert_eq!(parse("1024K"), Some(1 << 20));
        assert_eq!(parse("2M"), Some(2 << 20));
        assert_eq!(parse("512"), Some(512));
        assert_eq!(parse(""), None);
        assert_eq!(parse("12X"), None);
    }

    #[test]
    fn the_size_is_plausible() {
        assert!((256 << 10..=4 << 20).contains(&level_2()));
    }
}
