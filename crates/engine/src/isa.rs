//! Which instructions this processor has. Kernels are compiled for each and chosen at run time, never for the machine that builds.

use std::fmt;

/// A set of vector instructions that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What every processor of the platform has: SSE2 on x86-64, NEON with fused multiply-add on AArch64.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Isa {
    /// Those of this processor, the best last.
    pub fn available() -> Vec<Isa> {
        #[allow(unused_mut)]
        let mut found = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Isa::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    found.push(Isa::Avx512);
                }
            }
        }
        found
    }

    /// The best of this processor, or the one that `name` (the value of `CODEX_ENGINE_ISA`) forces.
    pub fn choose(name: Option<&str>) -> Result<Isa, String> {
        let available = Isa::available();
        let best = *available.last().expect("portable is always there");
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(best) };
        available.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
            format!("CODEX_ENGINE_ISA: expected one of {} (what this processor has), got {name:?}", names.join(", "))
        })
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable if cfg!(target_arch = "aarch64") => "neon",
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether there are AVX-512 dot products of bfloat16 pairs (`vdpbf16ps`).
pub fn has_bfloat16_dot_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        Isa::available().contains(&Isa::Avx512) && is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}
