/// Polls a condition until it is true. Throws a ``TestFailure`` with the caller's file and line if it is not true in
/// time.
package func eventually(
    within limit: Duration = .seconds(15), isolation: isolated (any Actor)? = #isolation, file: String = #fileID,
    line: Int = #line, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw TestFailure("\(file):\(line): the condition was not true within \(limit)")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// The error of a test that cannot continue.
package struct TestFailure: Error, CustomStringConvertible {
    /// The sentence that says what failed.
    package let description: String

    /// Creates a failure from its sentence.
    package init(_ description: String) {
        self.description = description
    }
}
