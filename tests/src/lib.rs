//! End-to-end, simulation, crash and format tests live in this package.

#[cfg(test)]
mod checks;
#[cfg(test)]
mod diff_corpus;
#[cfg(test)]
mod e2e_real;
#[cfg(test)]
mod e2e_rough;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod milestone;
#[cfg(test)]
mod nightly;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod store;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod workspace;
