//! Keys and values of past positions, kept in memory with room for those to come.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::{Error, Result};
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("CacheAppend", cache_append)];

/// Inout cache [B, K, S, D]; input fresh [B, K, T, D]; ints: position. Positions `position .. position + T` of the cache become the fresh ones.
fn cache_append(context: &Context, call: &mut Call) -> Result<()> {
    let (fresh, cache, position) = (call.input(0)?, call.inout(0)?, call.size(0)?);
    let (&[batch, heads, room, features], &[_, _, length, _]) = (cache.dims(), fresh.dims()) else {
        return Err(Error::Invalid(format!("expected [B, K, S, D] and [B, K, T, D], got {:?} and {:?}", cache.shape(), fresh.shape)));
    };
    ensure!(
        fresh.dims() == [batch, heads, length, features] && position.checked_add(length).is_some_and(|end| end <= room),
        "expected room for {:?} from position {position} on, got a cache {:?}",
        fresh.shape,
        cache.shape()
    );
    let (fresh, cache) = (fresh.f32()?, Shared::new(cache.f32()?));
    let (piece, stride) = (length * features, room * features);
    context.pool.run_ranges(batch * heads, (GRAIN / piece.max(1)).max(1), |range, _| {
        for head in range {
            // SAFETY: heads are of one task each, and the sizes are checked.
            let to = unsafe { cache.part(head * stride + position * features, piece) };
            to.copy_from_slice(&fresh[head * piece..(head + 1) * piece]);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Array, Run};

    #[test]
    fn replaces_the_positions_and_nothing_else() {
        for ([batch, heads, room, features], length, position) in [
            ([1, 1, 1, 1], 1, 0),
            ([2, 3, 7, 5], 2, 4),
            ([2, 3, 7, 5], 7, 0),
            ([2, 3, 7, 5], 0, 7),
            ([0, 3, 7, 5], 1, 2),
            ([4, 8, 64, 64], 33, 20),
        ] {
            let cache = Array::random(&[batch, heads, room, features], 1);
            let fresh = Array::random(&[batch, heads, length, features], 2);
            let (mut expected, values) = (cache.to_f32(), fresh.to_f32());
            for head in 0..batch * heads {
                for i in 0..length * features {
                    expected[(head * room + position) * features + i] = values[head * length * features + i];
                }
            }
            let run = Run::new("CacheAppend").input(&fresh).inout(&cache).ints(&[position as i32]);
            run.everywhere(|_, found| assert_eq!(found[0].to_f32(), expected));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let run = |cache: &[usize], fresh: &[usize], position: i32| {
            Run::new("CacheAppend").input(&Array::random(fresh, 1)).inout(&Array::random(cache, 2)).ints(&[position]).fails()
        };
        assert!(run(&[1, 2, 4, 3], &[1, 2, 2, 3], 3).contains("room"));
        assert!(run(&[1, 2, 4, 3], &[1, 2, 2, 3], i32::MAX).contains("room"));
        assert!(run(&[1, 2, 4, 3], &[1, 2, 2, 3], -1).contains("size"));
        assert!(run(&[1, 2, 4, 3], &[1, 1, 2, 3], 0).contains("room"));
        assert!(run(&[2, 4, 3], &[2, 2, 3], 0).contains("[B, K, S, D]"));
    }
}
