package import Foundation
package import Logging
import Synchronization

/// The least level of the log, which can be changed while the process runs, also for a time. Usable from any thread: a
/// line that is not logged costs the reading of an atomic.
package final class LogThreshold: Sendable {
    /// The least level, and its end if it was set for a time.
    package struct State: Sendable, Equatable {
        package var level: Logger.Level
        /// The end of the level; nil if it stays.
        package var until: Date?
        /// The level after the end; nil if the level stays.
        package var nextLevel: Logger.Level?
    }

    private struct Setting {
        /// The level without an end.
        var lasting: Logger.Level
        var until: Date?
        /// Sets the lasting level at the end.
        var ending: Task<Void, any Error>?
    }

    private let current: Atomic<Int>
    private let setting: Mutex<Setting>

    package init(_ level: Logger.Level) {
        current = Atomic(Self.number(of: level))
        setting = Mutex(Setting(lasting: level))
    }

    /// The least level now.
    package var level: Logger.Level { Logger.Level.allCases[current.load(ordering: .relaxed)] }

    package var state: State {
        setting.withLock { State(level: level, until: $0.until, nextLevel: $0.until == nil ? nil : $0.lasting) }
    }

    /// Changes the level, and logs the change and its end.
    ///
    /// - Parameters:
    ///   - duration: The time after which the level without an end is back; nil to keep the new one.
    ///   - logger: The logger for both lines.
    /// - Returns: The state before and after.
    @discardableResult
    package func set(_ level: Logger.Level, for duration: Duration?, logger: Logger) -> (before: State, after: State) {
        let until = duration.map { Date.now + TimeInterval($0.components.seconds) }
        return setting.withLock { setting in
            let before = State(
                level: self.level, until: setting.until, nextLevel: setting.until == nil ? nil : setting.lasting)
            setting.ending?.cancel()
            setting.ending = nil
            setting.until = until
            if let duration {
                setting.ending = Task { [weak self] in
                    try await Task.sleep(for: duration)
                    self?.end(logger)
                }
            } else {
                setting.lasting = level
            }
            let after = State(level: level, until: until, nextLevel: until == nil ? nil : setting.lasting)
            change(to: after, logger)
            return (before, after)
        }
    }

    /// Sets the lasting level, unless another change has come first.
    private func end(_ logger: Logger) {
        setting.withLock { setting in
            guard !Task.isCancelled, setting.until != nil else { return }
            setting.until = nil
            setting.ending = nil
            change(to: State(level: setting.lasting), logger)
        }
    }

    /// Changes the level, and logs that by the lower one of both levels. Within the lock, so that the lines have the order
    /// of the changes.
    private func change(to state: State, _ logger: Logger) {
        var metadata: Logger.Metadata = ["level": "\(state.level)"]
        metadata["until"] = state.until.map { "\($0.ISO8601Format())" }
        let isLowered = state.level < level
        if isLowered { current.store(Self.number(of: state.level), ordering: .relaxed) }
        logger.notice("log level changed", metadata: metadata)
        current.store(Self.number(of: state.level), ordering: .relaxed)
    }

    private static func number(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}
