extension KeySpace {
    /// The partition of an operation: that of its scopes with limits or history. Where it has none of these, that of its mark, or of
    /// any scope.
    func partition(of plans: [ScopePlan], _ terms: OperationTerms?) -> Partition? {
        guard partitions != nil else { return nil }
        if let plan = plans.first(where: \.isStored) { return plan.partition }
        return terms.map { partition(ofText: Self.scopeText(in: $0.mark.name)) } ?? plans.first?.partition
    }

    /// Why one call cannot apply an operation on these scopes: two of those with limits or history are in different partitions. Nil
    /// where it can.
    package func conflict(among plans: [ScopePlan]) -> String? {
        guard partitions != nil, let first = plans.first(where: \.isStored), let partition = first.partition,
            let second = plans.first(where: { $0.isStored && $0.partition != partition }), let other = second.partition
        else { return nil }
        return """
            \(first.scope) is in partition \(partition) and \(second.scope) in partition \(other): the scopes of a request that \
            have limits or history have to be in one partition
            """
    }
}
