import Hummingbird
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The route `/v1/reports/drift`: our usage of accounts against that which their providers report.
struct DriftRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/reports/drift", .read, drift)] }

    private func drift(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("account", "from", "to", "format")
        let format = try ReportFormat(query, request.request.headers)
        let ids = try query["account"].map { id throws(Problem) in
            guard api.server.policies.effective.accounts[id] != nil else {
                throw .notFound("account: there is no account \(PlainText.shortened(id, to: 64)) in the policy")
            }
            return [id]
        }
        let days = try Self.days(query, lastClosed: DriftReport.lastClosedDay(at: await api.server.redisTime))
        let report = try await DriftReport.read(of: ids, on: days, from: api.server)
        return format == .csv ? .csv(report.csv) : .json(report)
    }

    /// Reads `from=` and `to=`. The default range ends with the last closed day.
    private static func days(_ query: Query, lastClosed: UTCDay) throws(Problem) -> ClosedRange<UTCDay> {
        let to = try day("to", query) ?? lastClosed
        guard to <= lastClosed else {
            throw .badRequest("to: \(to) has not ended in UTC; expected at most \(lastClosed)")
        }
        let from = try day("from", query) ?? to.advanced(by: 1 - DriftReport.usualDays)
        guard from <= to else { throw .badRequest("from: \(from) is after \(to)") }
        let count = to.number - from.number + 1
        guard count <= DriftReport.maxDays else {
            throw .badRequest("from: \(count) days up to \(to); expected at most \(DriftReport.maxDays)")
        }
        return from...to
    }

    private static func day(_ key: String, _ query: Query) throws(Problem) -> UTCDay? {
        guard let text = query[key] else { return nil }
        guard let day = UTCDay(parsing: text) else {
            throw .badRequest("\(key): expected a day such as 2026-11-20")
        }
        return day
    }
}
