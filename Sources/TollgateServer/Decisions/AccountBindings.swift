import TollgateCore
import TollgatePolicy
import TollgateWire

/// The accounts that the policy binds to providers, in the form in which requests have scopes. Owned by one event loop.
struct AccountBindings {
    /// The texts of two scopes, `provider:openai` and `account:main`.
    private struct Binding {
        var provider: [UInt8]
        var account: [UInt8]
    }

    private static let providerKind = Array("provider:".utf8)
    private static let accountKind = Array("account:".utf8)

    /// At most ``Account/maxCount``, so that they are compared one by one.
    private let bindings: [Binding]

    /// Creates the bindings of a policy; nil if there are none, so that a request checks nothing else.
    init?(_ policy: Policy) {
        bindings = policy.accountBindings.map { provider, account in
            Binding(
                provider: Array(Scope.text(of: Scope.Part(kind: "provider", id: provider)).utf8),
                account: Array(Scope.text(of: Scope.Part(kind: "account", id: account)).utf8))
        }
        if bindings.isEmpty { return nil }
    }

    /// Returns the text of the account in which a request counts besides its scopes; nil if it names an account, or no
    /// provider with one.
    func account(for request: borrowing Request) -> [UInt8]? {
        var bound: [UInt8]?
        for field in request.scopes {
            let text = request.bytes[field.text]
            if text.starts(with: Self.accountKind) { return nil }
            if text.starts(with: Self.providerKind) {
                bound = bindings.first { $0.provider.elementsEqual(text) }?.account
            }
        }
        return bound
    }
}
