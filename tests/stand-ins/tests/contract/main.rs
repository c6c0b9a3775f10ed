//! One suite of promises about Kinesis, held against our fake and against two public stand-ins, so that the fake is honest; and the
//! faults that only the fake can make.
// An integration test is always one; said so that lints know it.
#[cfg(test)]
mod faults;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod public;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod subscription_faults;
#[cfg(test)]
mod subscriptions;

/// Which stand-in keeps which promise. `no` where it is known not to, and is not asked.
macro_rules! table {
    ($($module:ident :: $promise:ident: $fake:ident $ministack:ident $local:ident;)*) => {
        mod of_the_fake { $(promise!($fake, $module, $promise, fake);)* }
        mod of_ministack { $(promise!($ministack, $module, $promise, ministack);)* }
        mod of_kinesis_local { $(promise!($local, $module, $promise, kinesis_local);)* }
    };
}

macro_rules! promise {
    (yes, $module:ident, $promise:ident, $client:ident) => {
        #[tokio::test]
        async fn $promise() {
            crate::$module::$promise(crate::servers::$client()).await;
        }
    };
    (no, $($ignored:tt)*) => {};
}

table! {
    //                                                                     fake  ministack  kinesis-local
    promises::what_is_put_is_got_in_order_with_its_key_and_arrival:        yes yes yes;
    promises::a_batch_is_put_whole_and_got_once:                           yes yes yes;
    promises::a_page_holds_no_more_than_was_asked_for:                     yes yes yes;
    promises::a_partition_key_goes_where_its_md5_says:                     yes yes yes;
    promises::an_explicit_hash_key_goes_before_the_partition_key:          yes yes yes;
    promises::each_kind_of_iterator_starts_where_it_says:                  yes yes yes;
    promises::an_iterator_at_a_time_starts_with_what_arrived_from_then_on: yes yes yes;
    promises::the_start_of_a_shard_is_a_place_to_read_from:                yes yes yes;
    promises::a_reader_at_the_tip_is_not_behind:                           yes yes yes;
    promises::a_stream_can_be_named_by_its_arn:                            yes yes yes;
    promises::retention_can_be_changed:                                    yes yes yes;
    promises::shards_come_in_pages_by_the_token_alone:                     yes no  yes;
    promises::a_split_parent_is_read_to_its_end_and_names_its_children:    yes no  yes;
    promises::children_hold_what_came_after_the_split:                     yes yes yes;
    promises::a_merged_shard_has_two_parents_that_both_end:                yes no  yes;
    promises::scaling_doubles_the_open_shards:                             yes yes yes;
    promises::what_does_not_exist_is_not_found:                            yes yes yes;
    promises::what_exists_is_not_made_again:                               yes yes yes;
    promises::an_iterator_that_is_none_is_refused:                         yes no  no;
    promises::a_sequence_number_of_another_shard_is_refused:               yes no  no;
    promises::consumers_come_and_go:                                       yes yes yes;
    subscriptions::a_subscription_pushes_what_arrives:                     yes yes yes;
    subscriptions::a_subscription_goes_on_after_its_continuation:          yes yes no;
    subscriptions::a_subscription_of_a_closed_shard_ends_with_its_children: yes no  no;
}
