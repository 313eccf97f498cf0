/// Asks again and again until the condition holds. Throws a ``TestFailure`` that names the place when it does not
/// within the time.
package func eventually(
    within limit: Duration = .seconds(15), isolation: isolated (any Actor)? = #isolation, file: String = #fileID,
    line: Int = #line, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw TestFailure("\(file):\(line): the condition did not come to hold within \(limit)")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// A sentence about what a test waited for, or about its own means.
package struct TestFailure: Error, CustomStringConvertible {
    /// The sentence.
    package let description: String

    /// A failure with this sentence.
    package init(_ description: String) {
        self.description = description
    }
}
