//! The tolerance rules a topology sets.
use crate::topology::Topology;
use crate::topology::config::{Checker, Limit as Said, Node};
use crate::topology::problem::{Problem, Problems, suggestion};
use returns::tolerance::{Levels, Limit, Rule, Rules};

/// The levels of every rule; a name that is no rule is a problem with its place.
pub fn rules(topology: &Topology) -> Result<Rules, Vec<Problem>> {
    let text = std::fs::read_to_string(&topology.file).unwrap_or_default();
    let mut p = Problems::new(&topology.file, &text);
    let mut rules = Rules::default();
    for node in &topology.checkers {
        set(node, &mut rules, &mut p);
    }
    p.into_result(rules)
}

fn set(node: &Node<Checker>, rules: &mut Rules, p: &mut Problems) {
    for (name, said) in &node.kind.rules {
        match Rule::ALL.into_iter().find(|r| r.as_str() == name.text) {
            Some(rule) => {
                rules.set(rule, Levels { warn: said.warn.map(limit), block: said.block.map(limit) })
            }
            None => {
                let known: Vec<&str> = Rule::ALL.iter().map(|r| r.as_str()).collect();
                let help = suggestion(&name.text, &known);
                p.add(name.span.clone(), format!("no rule is called `{}`", name.text), Some(help));
            }
        }
    }
}

fn limit(said: Said) -> Limit {
    Limit { money: said.money, bp: said.bp, days: said.days }
}
