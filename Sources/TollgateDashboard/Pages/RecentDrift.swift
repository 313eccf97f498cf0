import Synchronization
import TollgateAdmin
import TollgateServer

/// The drift report of the page of providers, which is kept for a minute, as closed days seldom change. Pages that are opened
/// at the same time may each read it. Usable from any task.
final class RecentDrift: Sendable {
    private struct Entry {
        var report: DriftReport
        var accounts: [String]
        var readAt: ContinuousClock.Instant
    }

    private static let lifetime = Duration.seconds(60)

    private let last = Mutex<Entry?>(nil)

    /// Returns the drift of accounts on the last closed days.
    func report(of accounts: [String], from sidecar: Sidecar) async throws -> DriftReport {
        if let entry = last.withLock({ $0 }), entry.accounts == accounts, entry.readAt + Self.lifetime > .now {
            return entry.report
        }
        let report = try await DriftReport.read(of: accounts, from: sidecar)
        last.withLock { $0 = Entry(report: report, accounts: accounts, readAt: .now) }
        return report
    }
}
