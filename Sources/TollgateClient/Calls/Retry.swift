import NIOCore
import TollgateWire

/// The retry schedule of idempotent requests. Pure.
enum Retry {
    static let maxAttempts = 4

    /// Returns the delay after a failed attempt, counted from 1: 100 ms, 400 ms, 1.6 s, each ±25 %. A restarting
    /// sidecar is back by then. The link's own backoff is at most 1.25 s, so it does not use up all attempts.
    ///
    /// - Parameter jitter: 0.75 … 1.25.
    static func wait(after attempt: Int, jitter: Double) -> Duration {
        .milliseconds(100 << (2 * (attempt - 1))) * jitter
    }
}

extension TollgateClient {
    /// Sends an idempotent request, with up to four attempts. Each attempt has the client's deadline.
    ///
    /// Throws the last `TollgateClientError`, or `CancellationError` if the task is cancelled.
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
