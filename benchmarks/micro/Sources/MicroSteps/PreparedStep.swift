import TollgateLedger
import TollgateServer

/// A step with all that it works on.
public struct PreparedStep {
    private let step: (Int) -> Int

    /// Makes what the step works on: parses lines, fills the cache, and whatever else comes before it.
    public init(_ name: MicroStepName) throws {
        let mix = try StandardMix()
        switch name {
        case .parse:
            var step = ParseLine(mix.received)
            self.step = { step.run($0) }
        case .resolve:
            var step = ResolveScopes(mix.requests, in: mix.cache)
            self.step = { step.run($0) }
        case .append:
            var step = AppendToBatch(mix.scopes)
            self.step = { step.run($0) }
        case .encode:
            var step = EncodeBatch(mix.scopes)
            self.step = { step.run($0) }
        case .decode:
            var step = DecodeReply(mix.scopes)
            self.step = { step.run($0) }
        case .write:
            var step = WriteAllow(DecodeReply(mix.scopes).answers())
            self.step = { step.run($0) }
        }
    }

    /// Does the step so many times. The result depends on each of them, so that none can be optimised away.
    public func run(_ times: Int) -> Int { step(times) }
}
