//! Mapping pairs: where the clusters of an attribute lie.
//!
//! Each pair is a byte with two lengths, then a count of clusters and the signed
//! distance from the pair before; without a distance, the clusters are a hole.

use crate::source::bytes::u8_at;

/// The most runs of one attribute that are kept: NTFS itself ends at about as many,
/// where the list of attributes is full.
pub(super) const MAX_RUNS: usize = 1_500_000;

/// Clusters of an attribute that lie in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first cluster within the attribute.
    pub(super) vcn: u64,
    /// How many.
    pub(super) length: u64,
    /// The first cluster on the volume; `None` for a hole.
    pub(super) lcn: Option<u64>,
}

/// What a run must stay within.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Clusters of the volume.
    pub(super) clusters: u64,
    /// Clusters of the largest file, 2^63 bytes.
    pub(super) longest: u64,
}

/// Adds the runs of mapping pairs that begin at cluster `vcn` of the attribute;
/// returns the cluster after the last.
///
/// # Errors
///
/// What is wrong with them; the runs before it were added.
pub(super) fn decode(
    pairs: &[u8],
    mut vcn: u64,
    limits: Limits,
    runs: &mut Vec<Run>,
) -> Result<u64, &'static str> {
    const CUT: &str = "the runs of an attribute are cut short";
    let mut at = 0;
    let mut lcn: i64 = 0;
    loop {
        let head = u8_at(pairs, at).ok_or(CUT)?;
        if head == 0 {
            return Ok(vcn);
        }
        let (count_bytes, distance_bytes) = (usize::from(head & 15), usize::from(head >> 4));
        let count_end = at + 1 + count_bytes;
        let end = count_end + distance_bytes;
        let count = signed(pairs.get(at + 1..count_end).ok_or(CUT)?);
        let count = count.and_then(|count| u64::try_from(count).ok()).filter(|count| *count > 0);
        let count = count.ok_or("a run has no clusters, or fewer")?;
        let place = if distance_bytes == 0 {
            None
        } else {
            let distance = signed(pairs.get(count_end..end).ok_or(CUT)?);
            lcn = distance
                .and_then(|distance| lcn.checked_add(distance))
                .ok_or("a run begins outside of any volume")?;
            let first = u64::try_from(lcn).map_err(|_| "a run begins before the volume")?;
            first
                .checked_add(count)
                .filter(|end| *end <= limits.clusters)
                .ok_or("a run ends after the volume")?;
            Some(first)
        };
        let next = vcn
            .checked_add(count)
            .filter(|next| *next <= limits.longest)
            .ok_or("the runs of an attribute are longer than any file")?;
        push(runs, Run { vcn, length: count, lcn: place })?;
        vcn = next;
        at = end;
    }
}

/// Adds a run, joined with the one before where both lie side by side.
fn push(runs: &mut Vec<Run>, run: Run) -> Result<(), &'static str> {
    if let Some(last) = runs.last_mut()
        && last.vcn + last.length == run.vcn
        && last.lcn.map(|lcn| lcn + last.length) == run.lcn
    {
        last.length += run.length;
        return Ok(());
    }
    if runs.len() >= MAX_RUNS {
        return Err("an attribute has more runs than are read");
    }
    runs.push(run);
    Ok(())
}

/// A signed number of up to eight bytes, the lowest first.
fn signed(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes.last()? & 0x80 == 0 { 0 } else { 0xff };
    let mut all = [sign; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}

/// The run that holds a cluster of the attribute.
pub(super) fn find(runs: &[Run], vcn: u64) -> Option<&Run> {
    let before = runs.partition_point(|run| run.vcn <= vcn).checked_sub(1)?;
    runs.get(before).filter(|run| vcn - run.vcn < run.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { clusters: 0x10000, longest: 1 << 50 };

    fn runs(pairs: &[u8]) -> (Result<u64, &'static str>, Vec<Run>) {
        let mut runs = Vec::new();
        (decode(pairs, 0, LIMITS, &mut runs), runs)
    }

    #[test]
    fn distances_are_signed_and_holes_have_none() {
        let (end, found) = runs(&[0x21, 0x18, 0x34, 0x56, 0x01, 0x10, 0x11, 0x02, 0xfc, 0]);
        assert_eq!(end, Ok(0x2a));
        let expected = [(0, 0x18, Some(0x5634)), (0x18, 0x10, None), (0x28, 2, Some(0x5630))];
        let expected = expected.map(|(vcn, length, lcn)| Run { vcn, length, lcn });
        assert_eq!(found, expected);
        assert_eq!(find(&found, 0x20).map(|run| run.lcn), Some(None));
        assert_eq!(find(&found, 0x29), expected.get(2));
        assert_eq!(find(&found, 0x2a), None);
    }

    #[test]
    fn hostile_29_runs_that_leave_the_volume() {
        let cases: [&[u8]; 8] = [
            &[0x11, 0x01, 0xff, 0],                                     // before the first cluster
            &[0x31, 0x01, 0xff, 0xff, 0x00, 0x11, 0x02, 0, 0],          // over the last
            &[0x81, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], // overflows
            &[0x11, 0x00, 1, 0],                                        // no clusters
            &[0x11, 0xff, 1, 0],                                        // fewer than none
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0], // longer than any file
            &[0x99, 1, 1],                                              // cut short
            &[0x11, 1, 1],                                              // without an end
        ];
        for case in cases {
            assert!(runs(case).0.is_err(), "{case:x?}");
        }
    }
}
