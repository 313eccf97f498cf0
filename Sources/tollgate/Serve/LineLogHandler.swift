import Foundation
import Logging
import Synchronization
import TollgateServer

/// Writes each entry of the log to standard error, as one line in one write. Usable from any thread.
struct LineLogHandler: LogHandler {
    /// Keeps the lines of several threads apart.
    private static let output = Mutex(())

    private let format: LogFormat
    /// The level of the process, which can change.
    private let threshold: LogThreshold
    /// The level of the part that has this logger.
    private var ownLevel = Logger.Level.trace
    /// The least level of a line: the higher one of that of the process, and that which was set for this logger alone.
    var logLevel: Logger.Level {
        get { max(threshold.level, ownLevel) }
        set { ownLevel = newValue }
    }
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(format: LogFormat, threshold: LogThreshold) {
        self.format = format
        self.threshold = threshold
    }

    /// A logger with this handler.
    static func logger(format: LogFormat, threshold: LogThreshold) -> Logger {
        Logger(label: "tollgate") { _ in LineLogHandler(format: format, threshold: threshold) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
        let line = LogLine(time: now, level: event.level, message: "\(event.message)", metadata: all)
        Self.write(line.text(format) + "\n")
    }

    /// Writes everything, or drops the rest if standard error is closed.
    private static func write(_ line: String) {
        output.withLock { _ in
            var rest = Array(line.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                guard count > 0 || errno == EINTR else { return }
                rest = rest.dropFirst(max(count, 0))
            }
        }
    }
}
