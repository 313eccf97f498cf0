extension Array where Element: Sendable {
    /// Transforms the elements concurrently, at most `width` at a time, and returns the results in order. Throws the
    /// first error.
    func concurrentlyCompactMap<Result: Sendable>(
        width: Int = 16, _ body: @escaping @Sendable (Element) async throws -> Result?
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result?).self) { group in
            var results = [Result?](repeating: nil, count: count)
            for (index, element) in enumerated() {
                if index >= width, let (done, result) = try await group.next() { results[done] = result }
                group.addTask { (index, try await body(element)) }
            }
            for try await (index, result) in group { results[index] = result }
            return results.compactMap { $0 }
        }
    }
}
