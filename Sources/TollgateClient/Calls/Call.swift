import NIOCore
import Synchronization

/// Names a call across threads, and says whether its task has been cancelled: set by any thread, read on the event loop.
final class CallToken: Sendable {
    let isCancelled = Atomic<Bool>(false)
}

/// A call that waits for its reply line. Owned by the link's event loop.
final class Call {
    let token: CallToken
    /// One request line with its end.
    let request: ByteBuffer
    /// When it was handed to the link.
    let startedAt = NIODeadline.now()
    /// Ends the call at its deadline.
    var timer: Scheduled<Void>?

    private var continuation: CheckedContinuation<String, any Error>?

    init(token: CallToken, request: ByteBuffer, continuation: CheckedContinuation<String, any Error>) {
        self.token = token
        self.request = request
        self.continuation = continuation
    }

    /// Whether the caller has its answer, or an error, and nobody waits for the reply any more.
    var isFinished: Bool { continuation == nil }

    /// Gives the caller its answer, once; what comes later is dropped.
    func finish(_ result: Result<String, any Error>) {
        guard let continuation else { return }
        self.continuation = nil
        timer?.cancel()
        timer = nil
        continuation.resume(with: result)
    }
}
