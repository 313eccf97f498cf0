/// Runs a body while something else runs, which is cancelled afterwards. Returns when both have ended.
package func whileRunning(
    _ work: @escaping @Sendable () async -> Void, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Void
) async throws {
    let running = Task { await work() }
    let result: Result<Void, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    running.cancel()
    await running.value
    try result.get()
}
