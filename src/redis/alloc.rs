//! The allocator: the server's where there is one, so that `INFO memory` and `maxmemory` see what Leaflet
//! holds; the system's otherwise, so that `cargo test` runs. The calls themselves are unsafe and stand in
//! `ffi`; here is the arithmetic.

/// What the server's `malloc` guarantees on every platform; stricter layouts are over-allocated.
pub const SERVER_ALIGN: usize = std::mem::align_of::<usize>();

/// The global allocator.
pub struct Allocator;

/// How many bytes to ask for so that a block of this size can be placed at this alignment with the
/// address of the whole allocation noted in front of it. None: too large for any allocator.
pub fn padded_size(size: usize, align: usize) -> Option<usize> {
    size.checked_add(align)?
        .checked_add(std::mem::size_of::<usize>())
}

/// Where in the allocation at this address the aligned block starts.
pub fn aligned_start(allocation: usize, align: usize) -> usize {
    (allocation + std::mem::size_of::<usize>() + align - 1) & !(align - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aligned_block_fits_with_its_note_wherever_the_allocation_starts() {
        for align in [16, 32, 64, 4096] {
            for allocation in (8..3 * align).step_by(8) {
                for size in [1, 8, 100, 5000] {
                    let start = aligned_start(allocation, align);
                    assert_eq!(start % align, 0);
                    assert!(start - std::mem::size_of::<usize>() >= allocation);
                    assert!(start + size <= allocation + padded_size(size, align).unwrap());
                }
            }
        }
        assert_eq!(padded_size(usize::MAX - 8, 16), None);
    }
}
