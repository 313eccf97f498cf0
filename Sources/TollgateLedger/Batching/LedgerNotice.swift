package import TollgateCore

/// What a batch's reply tells besides answers, to be published off the way of requests (alerts.lua).
package enum LedgerNotice: Sendable {
    /// A refusal that is to be told.
    case denied(DenialEvent)
    /// Items of a scope's outbox: changes of its alerts that have not been published yet.
    case outbox(AlertOutbox)
}
