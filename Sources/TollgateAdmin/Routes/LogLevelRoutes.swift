import Foundation
import Hummingbird
import Logging
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The route `/v1/log-level`: the least level of the log of this sidecar.
struct LogLevelRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [Route(.get, "/v1/log-level", .read, get), Route(.put, "/v1/log-level", .administer, put)]
    }

    /// The maximum time of a level with an end, in seconds: a day.
    private static let maxSeconds: Int64 = 86_400

    private struct LevelView: Encodable {
        var level: String
        /// The end of the level; nil if it stays.
        var until: String?
        /// The level after the end; nil if the level stays.
        var nextLevel: String?

        enum CodingKeys: String, CodingKey {
            case level, until
            case nextLevel = "next_level"
        }

        init(_ state: LogThreshold.State) {
            level = state.level.rawValue
            until = state.until.map { Instant.text(milliseconds: Int64($0.timeIntervalSince1970 * 1_000)) }
            nextLevel = state.nextLevel?.rawValue
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(level, forKey: .level)
            try container.encode(until, forKey: .until)
            try container.encode(nextLevel, forKey: .nextLevel)
        }
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        return .json(LevelView(api.server.logLevel.state))
    }

    private func put(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        var reader = try ObjectReader(try await request.json(), allowed: ["level", "seconds"])
        let level = reader["level"]?.text.flatMap { Logger.Level(rawValue: $0) }
        if level == nil {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            reader.report("level", "expected one of \(names)")
        }
        let seconds = reader.wholeNumber("seconds", in: 1...Self.maxSeconds)
        try reader.finish()
        guard let level else { throw Problem(.internal, "level: not read") }
        let (before, after) = api.server.setLogLevel(level, for: seconds.map { .seconds($0) })
        await audit(LevelView(before), LevelView(after), by: request)
        return .json(LevelView(after))
    }

    /// Appends to the audit log. The level is changed, so a failure is ignored: the level is changed most often when
    /// something fails.
    private func audit(_ before: LevelView, _ after: LevelView, by request: AdminRequest) async {
        guard let before = try? CanonicalJSON.text(before), let after = try? CanonicalJSON.text(after) else { return }
        try? await api.stores.policy.auditLog.append(
            "log_level.set", api.server.name, before: before, after: after, by: request.author)
    }
}
