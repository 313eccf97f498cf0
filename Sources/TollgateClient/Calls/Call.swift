import NIOCore
import Synchronization

/// The identity of a call across threads, with its cancellation flag. Any thread sets the flag, and the event loop
/// reads it.
final class CallToken: Sendable {
    let isCancelled = Atomic<Bool>(false)
}

/// A call that waits for its reply line. Owned by the link's event loop.
final class Call {
    let token: CallToken
    /// One request line, including its line end.
    let request: ByteBuffer
    /// The time at which the link received the call.
    let startedAt = NIODeadline.now()
    /// Ends the call at its deadline.
    var timer: Scheduled<Void>?

    private var continuation: CheckedContinuation<String, any Error>?

    init(token: CallToken, request: ByteBuffer, continuation: CheckedContinuation<String, any Error>) {
        self.token = token
        self.request = request
        self.continuation = continuation
    }

    /// Whether the caller has received a result.
    var isFinished: Bool { continuation == nil }

    /// Resumes the caller with a result. Later results are dropped.
    func finish(_ result: Result<String, any Error>) {
        guard let continuation else { return }
        self.continuation = nil
        timer?.cancel()
        timer = nil
        continuation.resume(with: result)
    }
}
