import Foundation
import TollgateAdmin
import TollgateDelivery
import TollgatePolicy
import TollgateServer

/// The policy and the price file, as far as they are valid, and their checks.
struct PolicyFindings: Sendable {
    private(set) var policy: Policy?
    /// The digest of both files; nil if one of them is not valid.
    private(set) var digest: String?
    private(set) var checks: [DoctorCheck] = []

    /// Reads both files. Blocks.
    ///
    /// - Parameter pricePath: The price file; nil for none.
    init(_ policyPath: String, _ pricePath: String?) {
        let file = PolicyFile(path: policyPath)
        do {
            let policy = try file.load()
            self.policy = policy
            checks.append(DoctorCheck("policy", .ok, "\(file.path) is valid"))
            checks += policy.warnings.map { DoctorCheck("policy", .warning, "\($0)", "see docs/policy.md") }
            guard let prices = pricePath.map({ read($0, for: policy) }) ?? PriceTable() else { return }
            let digest = PolicyDigest.text(of: policy.priced(with: prices))
            self.digest = digest
            checks[0].sentence += ", digest \(digest)"
        } catch {
            let advice = file.exists ? "correct the file; see docs/policy.md" : "tollgate policy example > \(file.path)"
            checks = Self.sentences(of: error).map { DoctorCheck("policy", .error, $0, advice) }
        }
    }

    private mutating func read(_ path: String, for policy: Policy) -> PriceTable? {
        do {
            let table = try PriceSource(path: path, for: policy).table
            checks.append(DoctorCheck("prices", .ok, "\(path) is valid, with \(table.count) prices"))
            return table
        } catch {
            checks += Self.sentences(of: error).map {
                DoctorCheck("prices", .error, $0, "correct the file; see docs/prices.md")
            }
            return nil
        }
    }

    private static func sentences(of error: any Error) -> [String] {
        (error as? PolicyError)?.problems.map(\.description) ?? ["\(error)"]
    }
}

/// The checks of the other files that settings name: tokens, access rules and alert receivers. Pure.
enum FileChecks {
    /// All checks, from faults and warnings.
    static func others(
        _ settings: Settings, _ faults: [SettingsFaults.Fault], _ adminToken: AdminTokenState, hasToken: Bool
    ) -> [DoctorCheck] {
        let names = ["token-file": "token", "admin-access": "access file", "alerts": "alerts file"]
        let errors = faults.map {
            DoctorCheck(
                names[$0.option] ?? $0.option, .error, $0.sentence,
                "correct the file, or name another in --\($0.option)")
        }
        let warnings =
            settings.warnings.map { DoctorCheck("token", .warning, fromSentence: $0) }
            + (settings.adminAccess?.warnings ?? []).map { DoctorCheck("access file", .warning, fromSentence: $0) }
            + (settings.alerts?.warnings ?? []).map {
                DoctorCheck("alerts file", .warning, fromSentence: $0, orSee: "delivery")
            }
        return errors + warnings + valid(settings, besides: Set((errors + warnings).map(\.name)), adminToken, hasToken)
    }

    /// The token that a sidecar without `--admin-access` generates.
    enum AdminTokenState: Equatable {
        case missing, valid
        case unusable(String)

        /// Reads the file.
        init(inFolder folder: String) {
            do {
                self = try AdminToken.existing(inFolder: folder) == nil ? .missing : .valid
            } catch {
                self = .unusable("\(error)")
            }
        }
    }

    private static func valid(
        _ settings: Settings, besides named: Set<String>, _ adminToken: AdminTokenState, _ hasToken: Bool
    ) -> [DoctorCheck] {
        var checks: [DoctorCheck] = []
        if !named.contains("token") {
            checks.append(
                DoctorCheck("token", .ok, hasToken ? "clients send a token" : "clients send none, on this host only"))
        }
        if let access = settings.adminAccess, !named.contains("access file") {
            let tokens = "\(access.tokens.count) tokens\(access.jwt == nil ? "" : " and JSON Web Tokens")"
            checks.append(DoctorCheck("access file", .ok, "grants access by \(tokens)"))
        } else if settings.adminAccess == nil, settings.adminAddress != nil, !named.contains("access file") {
            checks.append(check(of: adminToken))
        }
        if let alerts = settings.alerts, !named.contains("alerts file") {
            checks.append(DoctorCheck("alerts file", .ok, "\(alerts.path) has \(alerts.receivers.count) receivers"))
        }
        return checks
    }

    private static func check(of token: AdminTokenState) -> DoctorCheck {
        switch token {
        case .missing: DoctorCheck("admin token", .ok, "there is none yet; the sidecar generates it")
        case .valid: DoctorCheck("admin token", .ok, "is private, and long enough")
        case .unusable(let sentence): DoctorCheck("admin token", .error, fromSentence: sentence)
        }
    }
}
