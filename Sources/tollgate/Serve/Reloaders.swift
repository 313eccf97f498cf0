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
        let receivers = settings.alerts.map {
            ReceiverReloader(contents: $0, receivers: sidecar.receivers, logger: logger)
        }
        let prices = prices.map { PriceReloader(source: $0, policy: sidecar.activePolicy, logger: logger) }
        let token = settings.tokenFile.map { ClientTokenReloader(contents: $0, sidecar: sidecar, logger: logger) }
        let access = access.flatMap { AccessReloader($0, state: sidecar.accessFile, logger: logger) }
        let policy = PolicyReloader(
            file: policyFile, policy: sidecar.activePolicy, reloadsOnHangUp: reloadsOnHangUp, logger: logger,
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
}
