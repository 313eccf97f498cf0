import CAllocationCount

/// The counting of heap allocations in this process.
package enum Allocations {
    /// Whether they are counted: with glibc, and where no sanitizer has taken malloc for itself.
    package static var areCounted: Bool { tollgate_counts_allocations() }
}
