import Logging
import ServiceLifecycle
import TollgateAdmin
import TollgateDelivery
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The services that reload the files of a running sidecar, each when its file has changed. SIGHUP reloads all of them.
struct Reloaders {
    private(set) var services: [any Service] = []

    /// - Parameters:
    ///   - access: The access to the admin API and to metrics; nil if both are off.
    ///   - reloadsOnHangUp: Whether SIGHUP reloads the files. Otherwise the signal is left alone.
    init(
        _ settings: Settings, policyFile: PolicyFile, prices: PriceSource?, access: ActiveAccess?,
        reloadsOnHangUp: Bool, of sidecar: Sidecar, logger: Logger
    ) {
        let isStrict = settings.profile.refuses(.readableSecrets)
        let receivers = settings.alerts.map {
            ReceiverReloader(
                contents: $0, receivers: sidecar.receivers, refusesExposure: isStrict, logger: logger)
        }
        let prices = prices.map { PriceReloader(source: $0, policy: sidecar.activePolicy, logger: logger) }
        let token = settings.tokenFile.map {
            ClientTokenReloader(
                contents: $0, sidecar: sidecar, refusesExposure: isStrict, logger: logger)
        }
        let access = access.flatMap {
            AccessReloader(
                $0, state: sidecar.accessFile, refusesExposure: isStrict, logger: logger)
        }
        let policy = PolicyReloader(
            file: policyFile, policy: sidecar.activePolicy, reloadsOnHangUp: reloadsOnHangUp, logger: logger,
            refusal: { Self.refusal(of: $0, settings) },
            onHangUp: {
                receivers?.reload()
                prices?.reload()
                token?.reload()
                access?.reload()
            })
        services.append(policy)
        if let prices { services.append(prices) }
        if let receivers { services.append(receivers) }
        if let token { services.append(token) }
        if let access { services.append(access) }
    }

    /// Returns why the profile does not take a policy, with which a restart would fail; nil if it does.
    private static func refusal(of policy: Policy, _ settings: Settings) -> String? {
        let warnings = settings.profile.refuses(.policyWarnings) ? policy.warnings.map(\.description) : []
        let exposed = StartCheck(settings: settings, policy: policy).exposedCredentials
            .map { "\($0.sentence) (or --allow \($0.risk.rawValue))" }
        guard !warnings.isEmpty || !exposed.isEmpty else { return nil }
        let end =
            warnings.isEmpty
            ? ["--profile prod refuses exposed credentials"]
            : ["--profile prod refuses a policy with warnings (or --allow policy-warnings)"]
        return (warnings + exposed + end).joined(separator: "\n")
    }
}
