extension Array where Element: Sendable {
    /// Transforms the elements concurrently, at most `width` at a time, and returns the results in order. Throws the
    /// first error.
    func concurrentlyCompactMap<Result: Sendable>(
        width: Int = 16, _ body: @escaping @Sendable (Element) async throws -> Result?
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result?).self) { group in
            var results = [Result?](repeating: nil, count: count)
            for (place, element) in enumerated() {
                if place >= width, let (done, result) = try await group.next() { results[done] = result }
                group.addTask { (place, try await body(element)) }
            }
            for try await (place, result) in group { results[place] = result }
            return results.compactMap { $0 }
        }
    }
}
