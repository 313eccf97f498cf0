import CAllocationCount

/// The counter of heap allocations in this process.
package enum Allocations {
    /// Whether allocations can be counted: with glibc, and without a sanitizer that replaces malloc.
    package static var areCounted: Bool { tollgate_counts_allocations() }
}
