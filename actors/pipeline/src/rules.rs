//! The tolerance rules a topology sets.
use crate::topology::Topology;
use crate::topology::config::{Checker, Limit as Said, Node};
use crate::topology::problem::{Problem, Problems, suggestion};
use crate::topology::reader::Word;
use returns::tolerance::{Calendar, Levels, Limit, Rule, Rules};

/// The levels of every rule; a name that is no rule is a problem with its place.
pub fn rules(topology: &Topology) -> Result<Rules, Vec<Problem>> {
    let text = std::fs::read_to_string(&topology.file).unwrap_or_default();
    let mut p = Problems::new(&topology.file, &text);
    let mut rules = Rules::default();
    for node in &topology.checkers {
        set(node, &mut rules, &mut p);
        if let Some(name) = &node.kind.calendar {
            rules.calendar = calendar(name, topology, &mut p);
        }
    }
    p.into_result(rules)
}

/// A calendar by its name, or a file of days that are closed beside weekends.
fn calendar(name: &Word, topology: &Topology, p: &mut Problems) -> Calendar {
    if let Some(known) = Calendar::from_name(&name.text) {
        return known;
    }
    match std::fs::read_to_string(topology.base().join(&name.text)) {
        Ok(text) => Calendar::from_text(&text).unwrap_or_else(|e| {
            p.add(name.span.clone(), format!("{}: {e}", name.text), None);
            Calendar::default()
        }),
        Err(_) => {
            let message = format!("`{}` is no calendar and no file of closed days", name.text);
            p.add(name.span.clone(), message, Some(suggestion(&name.text, &Calendar::NAMES)));
            Calendar::default()
        }
    }
}

fn set(node: &Node<Checker>, rules: &mut Rules, p: &mut Problems) {
    for (name, said) in &node.kind.rules {
        match Rule::ALL.into_iter().find(|r| r.as_str() == name.text) {
            Some(rule) => {
                let mut limit = |said: &Option<Said>| said.as_ref().map(|said| limit(rule, said, p));
                rules.set(rule, Levels { warn: limit(&said.warn), block: limit(&said.block) })
            }
            None => {
                let known: Vec<&str> = Rule::ALL.iter().map(|r| r.as_str()).collect();
                let help = suggestion(&name.text, &known);
                p.add(name.span.clone(), format!("no rule is called `{}`", name.text), Some(help));
            }
        }
    }
}

/// What a level tolerates. A measure the rule does not look at would be a tolerance that nobody applies.
fn limit(rule: Rule, said: &Said, p: &mut Problems) -> Limit {
    let takes = rule.measures();
    for (measure, span) in said.said.iter().filter(|(measure, _)| !takes.contains(measure)) {
        let message = format!("`{}` takes no `{}`", rule.as_str(), measure.as_str());
        let names: Vec<String> = takes.iter().map(|m| format!("`{}`", m.as_str())).collect();
        let help = match names.as_slice() {
            [] => "it takes no measure: write `{}`".to_owned(),
            names => format!("it takes {}", names.join(" and ")),
        };
        p.add(span.clone(), message, Some(help));
    }
    Limit { money: said.money, bp: said.bp, days: said.days }
}

#[cfg(test)]
mod tests;
