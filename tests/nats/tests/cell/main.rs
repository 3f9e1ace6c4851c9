//! Cells on real servers.
