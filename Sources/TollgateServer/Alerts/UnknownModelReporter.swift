import Logging
import ServiceLifecycle
import TollgateCore
import TollgateStores

/// Publishes an alert, once a day, for each model without a price that requests name, and logs it once. Off the path of
/// requests, which only note the models.
///
/// All sidecars make the same alert of a day, so that it is opened once. Usable from any thread.
final class UnknownModelReporter: Service {
    private let models: UnknownModels
    private let store: AlertStore
    private let interval: Duration
    private let logger: Logger

    /// - Parameter interval: The pause between two looks at the models.
    init(models: UnknownModels, store: AlertStore, interval: Duration, logger: Logger) {
        self.models = models
        self.store = store
        self.interval = interval
        self.logger = logger
    }

    /// Reports until graceful shutdown, and then once more.
    func run() async {
        var pending = await cancelWhenGracefulShutdown {
            var pending = Pending()
            while (try? await Task.sleep(for: self.interval)) != nil { await self.report(&pending) }
            return pending
        }
        await report(&pending)
    }

    /// The models that are to be published, and those that have been on the current day.
    private struct Pending: Sendable {
        var models: Set<UnknownModels.Model> = []
        var day: Int64?
        var published: Set<UnknownModels.Model> = []
        private var warned: Int64?

        /// Returns the models that have not been published on the day of a time, Unix ms.
        mutating func unpublished(at now: Int64) -> Set<UnknownModels.Model> {
            let today = floorDivide(now, 86_400_000)
            if day != today { (day, published) = (today, []) }
            models.subtract(published)
            return models
        }

        /// Whether it is the first call on the day of a time, Unix ms.
        mutating func warnsOfMore(at now: Int64) -> Bool {
            defer { warned = floorDivide(now, 86_400_000) }
            return warned != floorDivide(now, 86_400_000)
        }

        mutating func remove(_ model: UnknownModels.Model) {
            models.remove(model)
            published.insert(model)
        }
    }

    /// Publishes the models that were noted. Those that cannot be published now remain pending.
    private func report(_ pending: inout Pending) async {
        // Nearly always there are none, and Redis is not asked.
        guard !models.isEmpty || !pending.models.isEmpty, let now = try? await store.redisTime() else { return }
        let (new, hasMore) = models.takeNew(on: floorDivide(now, 86_400_000))
        pending.models.formUnion(new)
        if hasMore, pending.warnsOfMore(at: now) {
            logger.warning("more than \(models.maxModels) models without a price today; the others are not listed")
        }
        for model in pending.unpublished(at: now) {
            guard let scope = model.scope else {
                pending.remove(model)
                continue
            }
            let alert = Alert(unknownModel: scope, openedAt: now)
            do throws(StoreError) {
                if try await store.open(alert) {
                    logger.warning(
                        "no price for the model: its cost is not counted; see tollgate prices",
                        metadata: ["model": "\(model.name)", "provider": "\(model.provider ?? "not named")"])
                }
                pending.remove(model)
            } catch {
                // The links log a lost connection. The rest is published when Redis answers.
                guard !error.maySucceedLater else { return }
                logger.error("the alert about model \(model.name) cannot be published: \(error)")
                pending.remove(model)
            }
        }
    }
}

extension UnknownModels.Model {
    /// The model and its provider as a scope; nil for names that are no ids.
    fileprivate var scope: Scope? {
        let provider = provider.map { [Scope.Part(kind: "provider", id: $0)] } ?? []
        return try? Scope(parts: provider + [Scope.Part(kind: "model", id: name)])
    }
}
