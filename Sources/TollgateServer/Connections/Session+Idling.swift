import NIOCore

/// Closing of idle connections, and of those whose clients stop in the middle of a request or of its reply.
extension Session {
    /// A part of a request, as a check has found it.
    struct HalfRequest {
        /// The time of the first check that found it.
        var since: NIODeadline
        /// The time of the last complete request before it.
        var lastRequest: NIODeadline
    }

    /// Whether the connection has to be closed.
    ///
    /// - Parameters:
    ///   - timeWhenFull: The idle timeout of a connection without one, while others are refused; nil for none.
    ///   - stallTimeout: The time that a client may take for the rest of a request, and for reading.
    func isOverdue(at now: NIODeadline, timeWhenFull: TimeAmount?, stallTimeout: TimeAmount) -> Bool {
        noteHalfRequest(at: now)
        guard replies.count == 0, !isWaiting, !isQueued else { return false }
        // A subscriber to alerts need not send requests, but it has to read.
        if alerts != nil, phase == .open {
            guard context?.channel.isWritable != true else { return false }
            return lastRequest < now - (idleTimeout ?? stallTimeout)
        }
        if let timeout = idleTimeout ?? timeWhenFull, lastRequest < now - timeout { return true }
        if let halfRequest, halfRequest.since < now - stallTimeout { return true }
        return lastRequest < now - stallTimeout && (phase != .open || hasUnreadReplies)
    }

    /// Updates `halfRequest`. Here, and not where input is read, as that is the path of a request.
    private func noteHalfRequest(at now: NIODeadline) {
        if input.readableBytes == 0 || isHeldBack || phase != .open {
            halfRequest = nil
        } else if halfRequest?.lastRequest != lastRequest {
            halfRequest = HalfRequest(since: now, lastRequest: lastRequest)
        }
    }

    /// Whether the socket has not taken all replies, because the client does not read.
    private var hasUnreadReplies: Bool {
        let unwritten = try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return unwritten ?? 0 > 0
    }
}
