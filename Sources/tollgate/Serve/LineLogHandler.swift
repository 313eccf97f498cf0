import Foundation
import Logging
import Synchronization

/// Writes each entry of the log to standard error, as one line in one write. Usable from any thread.
struct LineLogHandler: LogHandler {
    /// Keeps the lines of several threads apart.
    private static let output = Mutex(())

    private let format: LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(format: LogFormat, level: Logger.Level) {
        self.format = format
        logLevel = level
    }

    /// A logger with this handler.
    static func logger(format: LogFormat, level: Logger.Level) -> Logger {
        var logger = Logger(label: "tollgate") { _ in LineLogHandler(format: format, level: level) }
        logger.logLevel = level
        return logger
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
