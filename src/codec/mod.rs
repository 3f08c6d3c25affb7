//! Compressed and plain files, in and out, chosen by suffix.
