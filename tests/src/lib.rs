//! End-to-end, simulation, crash and format tests live in this package.
