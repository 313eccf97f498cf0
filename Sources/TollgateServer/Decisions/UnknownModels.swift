import Synchronization

/// The models without a price that requests have named since the start. Usable from any thread.
package final class UnknownModels: Sendable {
    /// A model of a provider, as requests name them.
    package struct Model: Sendable, Hashable {
        package var name: String
        /// Nil if the requests named no provider.
        package var provider: String?

        package init(name: String, provider: String?) {
            self.name = name
            self.provider = provider
        }
    }

    /// The maximum number of models that are listed. Requests with others are counted together.
    private static let maxModels = 1_000

    private struct State {
        var requests = 0
        var models: [Model: Int] = [:]
        /// The models that were noted since ``takeNew()``.
        var new: Set<Model> = []
    }

    private let state = Mutex(State())

    /// Counts a request whose model, or an item of it, has no known price.
    func note(_ model: Model) {
        state.withLock { state in
            state.requests += 1
            guard state.models[model] != nil || state.models.count < Self.maxModels else { return }
            state.models[model, default: 0] += 1
            state.new.insert(model)
        }
    }

    /// The number of requests.
    package var requests: Int { state.withLock { $0.requests } }

    /// The number of requests by model, at most 1 000 of them.
    package var models: [Model: Int] { state.withLock { $0.models } }

    /// Returns the models that requests have named since the last call.
    func takeNew() -> Set<Model> {
        state.withLock { state in
            defer { state.new = [] }
            return state.new
        }
    }
}
