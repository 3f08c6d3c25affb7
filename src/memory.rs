//! What the memory is told in advance.
//!
//! A table much larger than the caches costs a wait for each look-up, and with small pages a walk
//! through the page tables on top. Both can be had ahead of time: a line is asked for while there
//! is other work to do, and the system may back a range with large pages. Neither changes results.

/// Less memory than this stays in the caches and in few pages, where neither pays.
pub(crate) const FAR_BYTES: usize = 4 << 20;

/// Asks for the cache line of an item that is needed soon; nothing happens if there is no such item.
#[inline(always)]
pub(crate) fn prefetch<T>(items: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch does not access memory in the language's sense and cannot fault,
        // wherever it points; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(items.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index);
}

/// Copies of a value, in large pages if there are many.
pub(crate) fn filled<T: Clone>(count: usize, value: T) -> Vec<T> {
    let mut items = Vec::with_capacity(count);
    ask_for_large_pages(items.spare_capacity_mut());
    items.resize(count, value);
    items
}

/// Lets the system back memory that is not written yet with pages of 2 MB, if it is [`FAR_BYTES`]
/// or more. The system may decline, and that is no error.
pub(crate) fn ask_for_large_pages<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let skipped = memory.as_ptr().addr().wrapping_neg() % PAGE;
        let length = size_of_val(memory).saturating_sub(skipped);
        if size_of_val(memory) >= FAR_BYTES {
            let start = memory.as_mut_ptr().wrapping_byte_add(skipped);
            // SAFETY: the range lies in `memory`, and this advice changes neither contents nor
            // access.
            unsafe { libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pages_do_not_change_what_is_in_them() {
        for count in [0, 1, FAR_BYTES / 4, FAR_BYTES] {
            assert_eq!(filled(count, 7_u32), vec![7; count]);
        }
        prefetch(&filled(3, 0_u8), usize::MAX);
    }
}
