import NIOCore

/// The formats of a report on a sidecar.
enum ReportFormat {
    /// JSON on one line, the reply to STATUS.
    case json
    /// The lines of Redis's INFO.
    case info
}

/// The requests for STATUS and INFO on one event loop. Makes one report at a time, for all requests that wait for it.
/// Owned by that loop.
final class InfoQueue {
    typealias Completion = (Result<ByteBuffer, any Error>) -> Void

    private let eventLoop: any EventLoop
    private var waiting: [(format: ReportFormat, completion: Completion)] = []
    private var isReporting = false
    /// Makes the report. Set once, before the first connection.
    var report: @Sendable () async -> InfoReport = { InfoReport() }
    /// Called when requests have been answered.
    var onDelivered: () -> Void = {}

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Calls back later with a report.
    func request(as format: ReportFormat, _ completion: @escaping Completion) {
        waiting.append((format, completion))
        if !isReporting { makeReport() }
    }

    private func makeReport() {
        isReporting = true
        let answered = waiting
        waiting = []
        let (wantsJSON, wantsInfo) = (
            answered.contains { $0.format == .json }, answered.contains { $0.format == .info }
        )
        let bound = NIOLoopBound((queue: self, answered: answered), eventLoop: eventLoop)
        eventLoop.makeFutureWithTask { [report] in
            // Encoded once for all requests, and not on the event loop.
            let current = await report()
            return (
                json: wantsJSON ? Result { try JSONReply.bytes(current) } : nil,
                info: wantsInfo ? Result { ByteBuffer(string: try InfoText.make(current)) } : nil
            )
        }.whenSuccess { texts in
            let (queue, answered) = bound.value
            for (format, completion) in answered {
                if let text = format == .json ? texts.json : texts.info { completion(text) }
            }
            queue.isReporting = false
            queue.onDelivered()
            if !queue.waiting.isEmpty { queue.makeReport() }
        }
    }
}
