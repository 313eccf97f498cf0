import Foundation
import Logging
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// The level of the log, which can be changed.
@Suite struct LogThresholdTests {
    @Test("a level stays until the next change")
    func lasting() {
        let (threshold, log) = (LogThreshold(.info), CapturedLog())
        #expect(threshold.state == .init(level: .info))
        for level in Logger.Level.allCases {
            let before = threshold.state
            let change = threshold.set(level, for: nil, logger: log.logger)
            #expect(change.before == before && change.after == .init(level: level) && threshold.level == level)
        }
        #expect(log.text.hasPrefix("notice log level changed level=trace\n"))
        #expect(log.text.hasSuffix("notice log level changed level=critical"))
    }

    @Test("a level for a time ends with the level without an end, whatever was set for a time before")
    func temporary() async throws {
        let (threshold, log) = (LogThreshold(.info), CapturedLog())
        threshold.set(.warning, for: nil, logger: log.logger)
        threshold.set(.error, for: .seconds(3_600), logger: log.logger)
        let state = threshold.set(.debug, for: .seconds(1), logger: log.logger).after
        #expect(state.level == .debug && state.nextLevel == .warning && state.until.map { $0 > .now } == true)
        try await eventually { threshold.state == .init(level: .warning) }
        try await eventually { log.text.hasSuffix("notice log level changed level=warning") }
        threshold.set(.debug, for: .milliseconds(50), logger: log.logger)
        threshold.set(.error, for: nil, logger: log.logger)
        try await Task.sleep(for: .milliseconds(200))
        #expect(threshold.state == .init(level: .error), "a later change cancels the end")
    }
}
