import Foundation
import TollgateLedger

/// The checks of the journal. Pure.
enum JournalChecks {
    /// The age of the oldest entry from which a running sidecar should have replayed it, in seconds.
    private static let longAge: Int64 = 60
    private static let name = "journal"

    /// All checks.
    ///
    /// - Parameters:
    ///   - found: The contents, or why they cannot be read; nil if there is no file.
    ///   - isInUse: Whether a sidecar runs on the data folder.
    ///   - now: Unix ms.
    static func all(
        _ found: Result<JournalInspection, JournalError>?, isInUse: Bool, now: Int64
    ) -> [DoctorCheck] {
        switch found {
        case nil: return [DoctorCheck(name, .ok, "there is none yet; the sidecar creates it")]
        case .failure(let error):
            return [DoctorCheck(name, .error, error.description, advice(for: error))]
        case .success(let journal): return waiting(journal, isInUse, now) + rejected(journal)
        }
    }

    private static func advice(for error: JournalError) -> String {
        guard case .unusable(_, let reason) = error else { return "check the rights of this user, and the disk" }
        return reason.contains("later version")
            ? "run the version that has written it"
            : "move the file away: what waits in it is then not counted; the sidecar creates a new one"
    }

    private static func waiting(_ journal: JournalInspection, _ isInUse: Bool, _ now: Int64) -> [DoctorCheck] {
        guard journal.operations > 0, let oldest = journal.oldestAt else {
            return [DoctorCheck(name, .ok, "nothing waits in it")]
        }
        let age = max(now - oldest, 0) / 1_000
        let since = Date(timeIntervalSince1970: Double(oldest / 1_000)).ISO8601Format()
        let sentence =
            "\(journal.operations) operations wait for Redis, the oldest since \(since) (\(StatusText.duration(age)))"
        guard isInUse, age < longAge else {
            return [
                DoctorCheck(
                    name, .warning, sentence,
                    isInUse
                        ? "repair the connection of the sidecar to Redis"
                        : "start the sidecar with this data folder, and do not delete it before")
            ]
        }
        return [DoctorCheck(name, .ok, sentence)]
    }

    private static func rejected(_ journal: JournalInspection) -> [DoctorCheck] {
        guard journal.rejected > 0 else { return [] }
        let reason = journal.lastReason.map { ", the last one because: \($0)" } ?? ""
        return [
            DoctorCheck(
                name, .warning,
                "the table rejected has \(journal.rejected) rows of usage that Redis has refused\(reason)",
                "see docs/operations.md, Files and modes, to inspect them")
        ]
    }
}
