import Synchronization

/// The models without a price that requests have named on the current day, by UTC. Usable from any thread.
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
    let maxModels = 1_000

    private struct State {
        var requests = 0
        var models: [Model: Int] = [:]
        /// The models that were noted since ``takeNew(on:)``.
        var new: Set<Model> = []
        var day: Int64?
        var hasOverflowed = false
    }

    private let state = Mutex(State())

    /// Counts a request whose model, or an item of it, has no known price.
    func note(_ model: Model) {
        state.withLock { state in
            state.requests += 1
            guard state.models[model] != nil || state.models.count < maxModels else {
                return state.hasOverflowed = true
            }
            state.models[model, default: 0] += 1
            state.new.insert(model)
        }
    }

    /// The number of requests since the start.
    package var requests: Int { state.withLock { $0.requests } }

    /// Whether no model has been noted on the current day.
    var isEmpty: Bool { state.withLock { $0.models.isEmpty } }

    /// The number of requests by model, at most 1 000 of them.
    package var models: [Model: Int] { state.withLock { $0.models } }

    /// Returns the models that requests have named since the last call, and whether there were more than are listed.
    ///
    /// - Parameter day: The current day in days since 1970-01-01. The list begins anew on another one.
    func takeNew(on day: Int64) -> (models: Set<Model>, hasMore: Bool) {
        state.withLock { state in
            defer {
                if state.day != day, state.day != nil { state.models = [:] }
                (state.new, state.hasOverflowed, state.day) = ([], false, day)
            }
            return (state.new, state.hasOverflowed)
        }
    }
}
