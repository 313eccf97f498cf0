import NIOCore
import TollgateWire

/// When a request is sent again that the sidecar counts once however often it comes. Pure.
enum Retry {
    static let maxAttempts = 4

    /// How long to wait after an attempt that failed, the first being 1: 100 ms, 400 ms, 1.6 s, give or take a quarter. A
    /// sidecar that restarts is back by then, and the link's own backoff, of at most 1.25 s, does not take all attempts.
    ///
    /// - Parameter jitter: 0.75 … 1.25
    static func wait(after attempt: Int, jitter: Double) -> Duration {
        .milliseconds(100 << (2 * (attempt - 1))) * jitter
    }
}

extension TollgateClient {
    /// Sends a request that counts once, up to four times while there is no answer, each within the client's deadline.
    ///
    /// Throws the last `TollgateClientError`; or `CancellationError` when the task is cancelled.
    func receipt(for line: ByteBuffer) async throws -> Receipt {
        var attempt = 1
        while true {
            do {
                let reply = try await reply(to: line)
                guard case .ok(let fields) = reply else { throw unexpected(reply) }
                return Receipt(fields)
            } catch let error as TollgateClientError where error.mayPass && attempt < Retry.maxAttempts {
                try await Task.sleep(for: Retry.wait(after: attempt, jitter: .random(in: 0.75...1.25)))
                attempt += 1
            }
        }
    }
}
